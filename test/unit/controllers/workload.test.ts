import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Waiting } from '../../../src/base/errors.ts';
import { Ledger, policyId } from '../../../src/controllers/ledger.ts';
import { Pending } from '../../../src/controllers/pending.ts';
import { PolicySet, type PolicyState } from '../../../src/controllers/policy-set.ts';
import { createWorkloadReconcile } from '../../../src/controllers/workload.ts';
import type { WorkloadObject } from '../../../src/controllers/workload-object.ts';
import { errorFromStatus } from '../../../src/kube/api-error.ts';
import type { EventInput } from '../../../src/kube/events.ts';
import { anonymousKeychain } from '../../../src/registry/keychain.ts';
import type { ReconcileResult } from '../../../src/runtime/outcome.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { D1, failed, field, inForce, NOW, POLICY, refusedState, verdict, workload } from './builders.ts';
import { context, StandInClient, StandInEngine } from './stand-ins.ts';

const KEY = 'Deployment/web/api';
const APP = 'ghcr.io/acme/app:1';
const PINNED = `ghcr.io/acme/app@${D1}`;
const ID = policyId(POLICY);
const HOUR = 3_600_000;

/** A workload controller over one Deployment. */
class World {
  readonly [Symbol.toStringTag] = 'World';
  readonly client = new StandInClient();
  readonly engine = new StandInEngine();
  readonly clock = new ManualClock(NOW);
  readonly policies = new PolicySet();
  readonly ledger = new Ledger();
  readonly pending = new Pending();
  readonly events: EventInput[] = [];
  readonly pins: string[] = [];
  readonly touched: string[] = [];
  object: WorkloadObject | undefined = workload([field(APP)]);
  readonly #reconcile = createWorkloadReconcile({
    client: this.client,
    clock: this.clock,
    policies: this.policies,
    ledger: this.ledger,
    pending: this.pending,
    engine: this.engine,
    events: { record: (event) => this.events.push(event) },
    registry: { resolveTag: () => Promise.resolve(D1) },
    workload: () => this.object,
    namespaceLabels: () => ({}),
    uncompiled: () => [],
    keychain: () => Promise.resolve(anonymousKeychain),
    policiesTouched: (ids) => this.touched.push(...ids),
    onPin: (result) => this.pins.push(result),
  });

  constructor(state: PolicyState = inForce()) {
    this.policies.put(state);
  }

  /** One look; returns milliseconds until the next, or undefined. */
  async look(): Promise<number | undefined> {
    const result: ReconcileResult | void = await this.#reconcile(KEY, context());
    return result?.requeueAfter;
  }

  get patches(): number {
    return this.client.calls.filter(({ verb }) => verb === 'patch').length;
  }

  /** What the watch brings after our patch: the pinned field, with the annotation. */
  seePin(): void {
    const { object } = this;
    assert.ok(object !== undefined);
    const tags = JSON.stringify({ c0: { ref: object.images[0]?.image, digest: D1 } });
    this.object = { ...object, images: [field(PINNED)], tags, resourceVersion: String(Number(object.resourceVersion) + 2000) };
  }

  /** What the watch brings after somebody put `image` there. */
  see(image: string, override: Partial<WorkloadObject> = {}): void {
    const { object } = this;
    assert.ok(object !== undefined);
    this.object = { ...object, images: [field(image)], resourceVersion: String(Number(object.resourceVersion) + 2000), ...override };
  }

  get state(): string | undefined {
    return this.ledger.get(KEY)?.state;
  }
}

test('a verified workload is pinned once; the look at the result writes nothing', async () => {
  const world = new World();
  assert.equal(await world.look(), 86_400_000);
  assert.deepEqual([world.patches, world.state, world.pins], [1, 'pinned', ['pinned']]);
  world.seePin();
  await world.look();
  await world.look();
  assert.deepEqual([world.patches, world.state], [1, 'pinned']);
  assert.deepEqual(world.events.map(({ reason }) => reason), ['Pinned']);
});

test('a cache that has not seen the pin yet is waited for, and not taken for a revert', async () => {
  const world = new World();
  await world.look();
  await assert.rejects(world.look(), (error) => error instanceof Waiting && /not seen the last patch/.test(error.message));
  assert.equal(world.patches, 1);
});

test('a write that never arrives in the cache does not stop the workload for ever', async () => {
  const world = new World();
  await world.look();
  world.clock.advance(30_001);
  await world.look();
  assert.equal(world.patches, 2);
});

test('a reconciler that puts the tag back is given way to at its first revert, though the pin was looked at in between', async () => {
  const world = new World();
  world.see(APP, { writer: 'Argo CD' });
  await world.look();
  world.seePin();
  await world.look();
  world.see(APP);
  assert.equal(await world.look(), HOUR);
  assert.deepEqual([world.patches, world.state], [1, 'contested']);
  assert.deepEqual(world.events.map(({ reason }) => reason), ['OtherManager', 'Pinned', 'PinContested']);
  world.clock.advance(HOUR - 1);
  await world.look();
  assert.equal(world.patches, 1);
  world.clock.advance(1);
  await world.look();
  assert.equal(world.patches, 2);
});

test('an unknown writer is given way to at the third', async () => {
  const world = new World();
  const states: (string | undefined)[] = [];
  for (let round = 0; round < 4; round += 1) {
    await world.look();
    states.push(world.state);
    world.seePin();
    if (world.state === 'pinned') await world.look();
    world.see(APP);
  }
  assert.deepEqual([world.patches, states], [3, ['pinned', 'pinned', 'pinned', 'contested']]);
});

test('a new tag ends the quarrel', async () => {
  const world = new World();
  world.see(APP, { writer: 'Argo CD' });
  await world.look();
  world.seePin();
  await world.look();
  world.see(APP);
  await world.look();
  world.see('ghcr.io/acme/app:2');
  await world.look();
  assert.deepEqual([world.patches, world.state], [2, 'pinned']);
});

test('a start finds the quarrel in the annotation and does not begin it anew', async () => {
  const world = new World();
  world.see(APP, { writer: 'Flux', tags: JSON.stringify({ c0: { ref: APP, digest: D1 } }) });
  await world.look();
  assert.deepEqual([world.patches, world.state], [0, 'contested']);
});

test('a patch that met a concurrent edit is no pin that could come back', async () => {
  const world = new World();
  world.see(APP, { writer: 'Argo CD' });
  world.client.answer = () => errorFromStatus('patch', 422, { reason: 'Invalid' });
  assert.deepEqual([await world.look(), await world.look()], [200, 400]);
  assert.equal(world.state, 'verified');
  assert.deepEqual(world.pins, ['conflict', 'conflict']);
  assert.equal(world.ledger.get(KEY)?.unpinned?.reason, 'PatchConflict');
});

test('a conflict in the middle of a quarrel does not start the count afresh', async () => {
  const world = new World();
  const ok = world.client.answer;
  for (let round = 0; round < 3; round += 1) {
    world.client.answer = () => errorFromStatus('patch', 409, {});
    await world.look();
    world.client.answer = ok;
    await world.look();
    world.seePin();
    await world.look();
    world.see(APP);
  }
  await world.look();
  assert.equal(world.state, 'contested');
});

test('an annotation that came while it was judged does not keep the patch from fitting', async () => {
  const world = new World();
  world.see(APP, { hasAnnotations: false });
  world.engine.say = () => {
    world.see(APP, { hasAnnotations: true });
    return {};
  };
  await world.look();
  const body = world.client.calls[0]?.body as { operations: { path: string }[] } | undefined;
  assert.equal(body?.operations.at(-1)?.path, '/metadata/annotations/assay.dev~1tags');
});

test('a pin that the API server forbids is told once, and tried again more and more seldom', async () => {
  const world = new World();
  world.client.answer = () => errorFromStatus('patch', 403, { message: 'no' });
  const waits: (number | undefined)[] = [];
  for (let look = 0; look < 12; look += 1) waits.push(await world.look());
  assert.deepEqual([waits[0], waits[1], waits.at(-1)], [1000, 2000, 300_000]);
  assert.deepEqual(world.events.map(({ reason, type }) => `${type} ${reason}`), ['Warning PatchForbidden']);
  assert.equal(world.ledger.get(KEY)?.unpinned?.reason, 'PatchForbidden');
});

test('an API server that is away while it is patched loses nothing: the look fails, and the next one pins', async () => {
  const world = new World();
  const ok = world.client.answer;
  world.client.answer = () => errorFromStatus('patch', 503, {});
  await assert.rejects(world.look());
  assert.deepEqual([world.state, world.pins], [undefined, ['error']]);
  world.client.answer = ok;
  await world.look();
  assert.deepEqual([world.state, world.pins], ['pinned', ['error', 'pinned']]);
});

test('a patch whose answer was lost is found done by the next look', async () => {
  const world = new World();
  world.client.answer = () => errorFromStatus('patch', 504, {});
  await assert.rejects(world.look());
  world.seePin();
  await world.look();
  assert.deepEqual([world.patches, world.state], [1, 'pinned']);
});

test('a policy that changes while a workload is judged keeps the old judgement from being written', async () => {
  const world = new World();
  world.engine.say = () => {
    world.policies.put(refusedState());
    return {};
  };
  await assert.rejects(world.look(), (error) => error instanceof Waiting && /a policy changed/.test(error.message));
  assert.deepEqual([world.patches, world.state], [0, undefined]);
  await world.look();
  assert.deepEqual([world.patches, world.state], [0, 'unknown']);
});

test('a workload that turns out to be gone leaves no trace', async () => {
  const world = new World();
  world.pending.add(ID, KEY);
  world.client.answer = () => errorFromStatus('patch', 404, {});
  await world.look();
  assert.deepEqual([world.state, world.pending.count(ID), world.events], [undefined, 0, []]);
});

test('a workload that is deleted leaves ledger and status, and its policy is told', async () => {
  const world = new World();
  await world.look();
  world.pending.add(ID, KEY);
  world.touched.length = 0;
  world.object = undefined;
  assert.equal(await world.look(), undefined);
  assert.deepEqual([world.state, world.pending.count(ID), world.touched, world.patches], [undefined, 0, [ID], 1]);
});

test('CVE-2023-34091: a workload that is being deleted, and kept by a finalizer, is judged and told like any other, and not written to', async () => {
  const world = new World();
  world.engine.say = () => failed();
  world.see(APP, { deleting: true });
  await world.look();
  assert.deepEqual([world.state, world.patches], ['failed', 0]);
  world.engine.say = () => verdict();
  world.see(APP, { deleting: true, resourceVersion: '11' });
  await world.look();
  assert.deepEqual([world.state, world.patches, world.ledger.get(KEY)?.unpinned?.reason], ['verified', 0, 'NotPatchable']);
});

test('a workload that leaves the scope of its policy leaves its status', async () => {
  const world = new World(inForce({ workloads: { selector: { matchLabels: { team: 'a' } } } }));
  world.see(APP, { labels: { team: 'a' } });
  await world.look();
  world.seePin();
  await world.look();
  assert.equal(world.ledger.picture(ID).workloads, 1);
  world.touched.length = 0;
  world.see(PINNED, { labels: { team: 'b' } });
  assert.equal(await world.look(), undefined);
  assert.deepEqual([world.ledger.picture(ID).workloads, world.state, world.touched], [0, 'unmatched', [ID]]);
});

test('a workload that nobody governs any more is not remembered', async () => {
  const world = new World(inForce({ workloads: { selector: { matchLabels: { team: 'a' } } } }));
  world.see(APP, { labels: { team: 'a' }, writer: 'Argo CD' });
  await world.look();
  world.see(PINNED, { labels: {} });
  await world.look();
  world.see(APP, { labels: { team: 'a' } });
  await world.look();
  assert.deepEqual([world.patches, world.state], [2, 'pinned']);
});

test('a re-created workload of the same name is told about anew', async () => {
  const world = new World();
  world.engine.say = () => failed();
  await world.look();
  await world.look();
  const first = world.events.length;
  world.see(APP, { uid: 'u2' });
  await world.look();
  assert.deepEqual([first, world.events.length], [2, 4]);
  assert.equal(world.events.at(-2)?.regarding.uid, 'u2');
});

test('what fails is asked for more and more seldom, and a new image as often as any', async () => {
  const world = new World();
  world.engine.say = () => failed();
  const waits = [await world.look(), await world.look(), await world.look()];
  world.see('ghcr.io/acme/app:2');
  waits.push(await world.look(), await world.look());
  assert.deepEqual(waits.map((wait) => (wait ?? 0) / 60_000), [1, 2, 4, 1, 2]);
});

test('a digest that verified and fails at a later look is reported, and nothing is written', async () => {
  const world = new World();
  world.see(PINNED);
  await world.look();
  world.engine.say = () => failed({ reason: 'SignatureTooOld' });
  await world.look();
  assert.deepEqual([world.patches, world.state], [0, 'failed']);
  assert.deepEqual(world.events.map(({ reason }) => reason), ['SignatureTooOld', 'SignatureTooOld']);
});

test('a look that an outage of the engine ends records nothing', async () => {
  const world = new World();
  await world.look();
  world.seePin();
  await world.look();
  const before = world.ledger.get(KEY);
  const ending = new AbortController();
  ending.abort(new Error('the operator is stopping'));
  const reconcile = createWorkloadReconcile({
    client: world.client, clock: world.clock, policies: world.policies, ledger: world.ledger, pending: world.pending, engine: world.engine,
    events: { record: (event) => world.events.push(event) }, registry: { resolveTag: () => Promise.resolve(D1) }, workload: () => world.object,
    namespaceLabels: () => ({}), uncompiled: () => [], keychain: () => Promise.resolve(anonymousKeychain), policiesTouched: () => undefined, onPin: () => undefined,
  });
  await assert.rejects(reconcile(KEY, context(ending.signal)), /stopping/);
  assert.equal(world.ledger.get(KEY), before);
});

test('judged under what changed meanwhile, the policy goes on waiting', async () => {
  const world = new World();
  world.pending.add(ID, KEY);
  world.engine.say = () => {
    world.pending.add(ID, KEY);
    return failed();
  };
  await world.look();
  assert.equal(world.pending.count(ID), 1);
  world.engine.say = () => failed();
  await world.look();
  assert.equal(world.pending.count(ID), 0);
});
