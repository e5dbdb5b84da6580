import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Waiting } from '../../../src/base/errors.ts';
import { Ledger, policyId } from '../../../src/controllers/ledger.ts';
import { Pending } from '../../../src/controllers/pending.ts';
import { createPolicyReconcile } from '../../../src/controllers/policy.ts';
import { POLICY_RESOURCES, type PolicyObject } from '../../../src/controllers/policy-object.ts';
import { PolicySet, type PolicyState } from '../../../src/controllers/policy-set.ts';
import type { PolicyStatus } from '../../../src/controllers/policy-status.ts';
import { errorFromStatus } from '../../../src/kube/api-error.ts';
import type { ReconcileResult } from '../../../src/runtime/outcome.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { D1, failed, inForce, NOW, outcome, pendingState, POLICY, record, refusedState, verdict } from './builders.ts';
import { context, StandInClient } from './stand-ins.ts';

const ID = policyId(POLICY);

/** A policy controller over one policy. */
class World {
  readonly client = new StandInClient();
  readonly clock = new ManualClock(NOW);
  readonly policies = new PolicySet();
  readonly ledger = new Ledger();
  readonly pending = new Pending();
  readonly changes: (readonly [string | undefined, string | undefined])[] = [];
  readonly released: string[] = [];
  readonly surroundings = context();
  state: PolicyState = inForce();
  /** Thrown by compilation. */
  broken: Error | undefined;
  blind: string | undefined;
  object: PolicyObject | undefined = { kind: 'ImageVerification', namespace: 'web', name: 'release', resourceVersion: '10', uid: 'uid-1', generation: 1, spec: {}, deleting: false };
  /** What a change of the policy does to the queue of workloads. */
  onChange: () => void = () => undefined;
  #reconcile = this.#create();

  #create(): ReturnType<typeof createPolicyReconcile> {
    return createPolicyReconcile({
      client: this.client,
      clock: this.clock,
      policies: this.policies,
      ledger: this.ledger,
      pending: this.pending,
      policy: () => this.object,
      compile: () => {
        if (this.broken !== undefined) throw this.broken;
        return this.state;
      },
      release: (id) => this.released.push(id),
      blind: () => this.blind,
      governanceChanged: (before, after) => {
        this.changes.push([before?.status, after?.status]);
        this.onChange();
      },
    });
  }

  async look(): Promise<number | undefined> {
    const result: ReconcileResult | void = await this.#reconcile(ID, this.surroundings);
    return result?.requeueAfter;
  }

  /** A look after the shortest time between two statuses. */
  later(): Promise<number | undefined> {
    this.clock.advance(1000);
    return this.look();
  }

  get statuses(): PolicyStatus[] {
    return this.client.calls.map(({ body }) => (body as { body: { status: PolicyStatus } }).body.status);
  }

  /** The watch brings what was written last. */
  seeStatus(): void {
    const status = this.statuses.at(-1);
    if (this.object !== undefined && status !== undefined) this.object = { ...this.object, resourceVersion: String(1000 + this.statuses.length), status };
  }

  /** A process that starts afresh on the same cluster. */
  restart(): void {
    this.seeStatus();
    for (const id of [ID]) this.policies.remove(id);
    this.client.calls.length = 0;
    this.#reconcile = this.#create();
  }
}

const bad = (name: string): ReturnType<typeof record> => record([outcome(`${name}:1`, { verdicts: [failed()] })], { name });
const ready = ({ conditions }: PolicyStatus): string => conditions.filter(({ type }) => type === 'Ready').map(({ status, reason }) => `${status}/${reason}`).join('');

test('a new policy has its status at once, by one server-side apply in our name that owns the status alone', async () => {
  const world = new World();
  assert.equal(await world.look(), undefined);
  const [call, ...more] = world.client.calls;
  assert.equal(more.length, 0);
  const { body, options, resource, ref } = call ?? {};
  assert.deepEqual([resource, ref], [POLICY_RESOURCES.ImageVerification, { namespace: 'web', name: 'release', uid: 'uid-1' }]);
  const { type, force, body: applied } = body as { type: string; force: boolean; body: Record<string, unknown> };
  assert.deepEqual([type, force, Object.keys(applied)], ['apply', true, ['apiVersion', 'kind', 'metadata', 'status']]);
  assert.deepEqual(applied['metadata'], { name: 'release', namespace: 'web', uid: 'uid-1' });
  assert.deepEqual(options, { fieldManager: 'assay', subresource: 'status', signal: world.surroundings.signal });
});

test('nothing is written when nothing changed, before and after the watch brings the write', async () => {
  const world = new World();
  await world.look();
  await world.later();
  world.seeStatus();
  await world.later();
  assert.equal(world.statuses.length, 1);
});

test('one status a second: what happens meanwhile is told together', async () => {
  const world = new World();
  await world.look();
  const waits: (number | undefined)[] = [];
  for (const name of ['a', 'b', 'c']) {
    world.ledger.record(bad(name));
    world.clock.advance(100);
    waits.push(await world.look());
  }
  assert.deepEqual([waits, world.statuses.length], [[900, 800, 700], 1]);
  world.clock.advance(700);
  await world.look();
  assert.deepEqual(world.statuses.map(({ summary }) => summary.failed), [0, 3]);
});

test('a change that changes nothing in the status costs no write, and no more than one computation a second', async () => {
  const world = new World();
  await world.look();
  world.ledger.record(bad('a'));
  await world.later();
  for (let at = 0; at < 5; at += 1) {
    world.ledger.record(record([outcome('a:1', { verdicts: [failed({ verifiedAt: NOW + at * 60_000 })] })], { name: 'a' }));
    world.clock.advance(60_000);
    await world.look();
    assert.ok(((await world.look()) ?? 0) > 0);
  }
  assert.equal(world.statuses.length, 2);
});

test('the status that a start finds stands for a minute while nobody knows what clusters run, and then says so until it is known', async () => {
  const world = new World();
  world.ledger.record(record([outcome(`app@${D1}`)]));
  await world.look();
  world.restart();
  world.blind = 'list works: 503';
  assert.deepEqual([await world.look(), world.statuses.length], [1000, 0]);
  world.clock.advance(60_000);
  assert.equal(await world.look(), 5000);
  const verified = (): (string | undefined)[] => world.statuses.map(({ conditions }) => conditions.find(({ type }) => type === 'Verified')?.reason);
  assert.deepEqual(verified(), ['ClustersUnknown']);
  world.blind = undefined;
  assert.equal(await world.later(), undefined);
  assert.deepEqual(verified(), ['ClustersUnknown', 'AllVerified']);
});

test('a status that somebody else rewrites is put right once, and not fought for', async () => {
  const world = new World();
  world.ledger.record(bad('a'));
  await world.look();
  world.seeStatus();
  const { object } = world;
  assert.ok(object?.status !== undefined);
  world.object = { ...object, status: { ...object.status, images: [] }, resourceVersion: '5000' };
  assert.equal(await world.later(), undefined);
  assert.equal(world.statuses.length, 2);
});

test('what the API server made of our status does not matter', async () => {
  const world = new World();
  world.ledger.record(bad('a'));
  await world.look();
  world.seeStatus();
  const { object } = world;
  assert.ok(object !== undefined);
  // An older CRD prunes what it does not know.
  world.object = { ...object, status: { observedGeneration: 1 } };
  await world.later();
  assert.equal(world.statuses.length, 1);
});

test('versions that are no numbers are not compared', async () => {
  const world = new World();
  assert.ok(world.object !== undefined);
  world.object = { ...world.object, resourceVersion: 'opaque' };
  await world.look();
  await world.later();
  assert.equal(world.statuses.length, 1);
});

test('workloads are told when a policy comes, changes and goes, and not when it is only looked at', async () => {
  const world = new World();
  await world.look();
  await world.later();
  world.state = inForce({ recheckInterval: '1h' }, { generation: 2 });
  await world.later();
  world.state = refusedState();
  await world.later();
  world.object = undefined;
  await world.look();
  assert.deepEqual(world.changes, [[undefined, 'compiled'], ['compiled', 'compiled'], ['compiled', 'refused'], ['refused', undefined]]);
});

test('a policy that is re-created under its name is another one', async () => {
  const world = new World();
  await world.look();
  assert.ok(world.object !== undefined);
  world.object = { ...world.object, uid: 'uid-2', resourceVersion: '2000' };
  world.state = inForce({}, { uid: 'uid-2' });
  await world.look();
  assert.equal(world.changes.length, 2);
  assert.deepEqual(world.client.calls.map(({ ref }) => (ref as { uid?: string }).uid), ['uid-1', 'uid-2']);
});

test('a policy that is gone leaves nothing behind', async () => {
  const world = new World();
  await world.look();
  world.pending.add(ID, 'Deployment/web/api');
  world.object = undefined;
  assert.equal(await world.look(), undefined);
  assert.deepEqual([world.policies.get(ID), world.pending.count(ID), world.released, world.statuses.length], [undefined, 0, [ID], 1]);
});

test('while a reference is not read the policy waits, and its status says nothing new', async () => {
  const world = new World();
  world.state = pendingState();
  assert.equal(await world.look(), 1000);
  assert.equal(await world.look(), 1000);
  assert.deepEqual([world.statuses.length, world.changes], [0, [[undefined, 'pending']]]);
  world.state = inForce();
  await world.look();
  assert.deepEqual(world.statuses.map(ready), ['True/Compiled']);
});

test('a policy that flaps between read and not read has its workloads judged each time, and its status written once', async () => {
  const world = new World();
  for (const state of [inForce(), pendingState(), inForce(), pendingState(), inForce()]) {
    world.state = state;
    await world.later();
  }
  assert.deepEqual([world.changes.length, world.statuses.length], [5, 1]);
});

test('a policy that breaks compilation is refused by itself, and the fleet goes on', async () => {
  const world = new World();
  world.broken = new RangeError('Maximum call stack size exceeded');
  await world.look();
  assert.equal(world.policies.get(ID)?.status, 'refused');
  assert.match(world.statuses[0]?.conditions.find(({ type }) => type === 'Ready')?.message ?? '', /^spec: cannot be read by this build, which is a defect of it: Maximum call stack/);
  assert.deepEqual(world.surroundings.log.lines.map(({ level }) => level), ['error']);
  await world.later();
  assert.equal(world.changes.length, 1);
});

/** A policy with one verified workload, its status written and seen. */
async function settled(): Promise<World> {
  const world = new World();
  world.ledger.record(record([outcome(`app@${D1}`)]));
  await world.look();
  world.onChange = () => world.pending.add(ID, 'Deployment/web/api');
  world.restart();
  return world;
}

test('after a restart the status stands until its workloads are judged again, and is not written when they are as before', async () => {
  const world = await settled();
  const before = world.ledger.get('Deployment/web/api');
  assert.ok(before !== undefined);
  world.ledger.forget(before.key);
  assert.equal(await world.look(), 1000);
  assert.equal(await world.later(), 1000);
  world.ledger.record(record([outcome(`app@${D1}`, { verdicts: [verdict({ verifiedAt: NOW + 2000 })] })]));
  world.pending.settle(before.key);
  assert.equal(await world.later(), undefined);
  assert.equal(world.statuses.length, 0);
});

test('but it is not held for ever by a workload that cannot be judged', async () => {
  const world = await settled();
  world.ledger.forget('Deployment/web/api');
  await world.look();
  world.clock.advance(59_999);
  assert.equal(await world.look(), 1000);
  world.clock.advance(1);
  await world.look();
  assert.deepEqual(world.statuses.map(({ conditions }) => conditions.some(({ type }) => type === 'Reconciling')), [true]);
});

test('a policy that was edited while nobody ran tells so at once', async () => {
  const world = await settled();
  assert.ok(world.object !== undefined);
  world.object = { ...world.object, generation: 2 };
  world.state = inForce({}, { generation: 2 });
  await world.look();
  assert.deepEqual(world.statuses.map(({ observedGeneration, conditions }) => [observedGeneration, conditions.some(({ type }) => type === 'Reconciling')]), [[2, true]]);
});

test('while the workloads of a policy are looked for, nothing is said of them', async () => {
  const world = new World();
  world.onChange = () => world.pending.look(ID, 700);
  assert.equal(await world.look(), 1000);
  world.pending.look(ID, -700);
  world.pending.add(ID, 'Deployment/web/api');
  await world.look();
  assert.match(world.statuses[0]?.conditions.find(({ type }) => type === 'Reconciling')?.message ?? '', /^1 workload still/);
});

test('an edit is told as such until every workload is judged under it', async () => {
  const world = new World();
  world.ledger.record(record([outcome(`app@${D1}`)]));
  await world.look();
  world.onChange = () => world.pending.add(ID, 'Deployment/web/api');
  world.state = inForce({ recheckInterval: '1h' }, { generation: 2 });
  await world.later();
  world.pending.settle('Deployment/web/api');
  await world.later();
  assert.deepEqual(world.statuses.map(({ observedGeneration, conditions }) => [observedGeneration, conditions.some(({ type }) => type === 'Reconciling')]), [[1, false], [2, true], [2, false]]);
});

const answers: Record<string, { code: number; deleting?: boolean; thrown?: (error: unknown) => boolean }> = {
  'a policy that was deleted meanwhile is let go': { code: 404 },
  'a namespace that is being deleted takes no status': { code: 403, deleting: true },
  'a status that may not be written is tried again': { code: 403, thrown: (error) => !(error instanceof Waiting) },
  'a policy that was replaced is waited for': { code: 409, thrown: (error) => error instanceof Waiting },
  'an API server that is away is tried again': { code: 503, thrown: (error) => !(error instanceof Waiting) },
};
for (const [sentence, { code, deleting = false, thrown }] of Object.entries(answers)) {
  test(sentence, async () => {
    const world = new World();
    const ok = world.client.answer;
    assert.ok(world.object !== undefined);
    world.object = { ...world.object, deleting };
    world.client.answer = () => errorFromStatus('patch', code, {});
    if (thrown === undefined) await world.look();
    else await assert.rejects(world.look(), thrown);
    world.client.answer = ok;
    await world.later();
    assert.equal(world.statuses.length, 2);
  });
}
