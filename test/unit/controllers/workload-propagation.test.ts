import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Rendering } from '../../../src/controllers/effective.ts';
import { Ledger, policyId, type WorkloadRecord } from '../../../src/controllers/ledger.ts';
import { Pending } from '../../../src/controllers/pending.ts';
import { PolicySet, type PolicyState } from '../../../src/controllers/policy-set.ts';
import { createWorkloadReconcile } from '../../../src/controllers/workload.ts';
import type { WorkloadObject } from '../../../src/controllers/workload-object.ts';
import { errorFromStatus } from '../../../src/kube/api-error.ts';
import type { JsonPatchOperation } from '../../../src/kube/patch.ts';
import type { AppliedOverride } from '../../../src/karmada/predict.ts';
import type { EventInput } from '../../../src/kube/events.ts';
import { anonymousKeychain } from '../../../src/registry/keychain.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { D1, D2, failed, field, fleetInForce, inForce, NOW, POLICY, workload } from './builders.ts';
import { CLAIM, rendering } from './karmada-builders.ts';
import { context, StandInClient, StandInEngine } from './stand-ins.ts';

const KEY = 'Deployment/web/api';
const APP = 'ghcr.io/acme/app:1';
const PINNED = `ghcr.io/acme/app@${D1}`;
const MIRRORED = `mirror.example/acme/app@${D1}`;
const pinnedTemplate = (override: Partial<WorkloadObject> = {}): WorkloadObject => workload([field(PINNED)], { generation: 1, ...override });

/** A workload controller over one template and what Karmada made of it. */
class World {
  readonly [Symbol.toStringTag] = 'World';
  readonly client = new StandInClient();
  readonly engine = new StandInEngine();
  readonly clock = new ManualClock(NOW);
  readonly policies = new PolicySet();
  readonly ledger = new Ledger();
  readonly events: EventInput[] = [];
  object: WorkloadObject = pinnedTemplate();
  renderings: readonly Rendering[] | undefined = [];
  overriders: (AppliedOverride & { readonly for: string })[] = [];
  readonly #reconcile = createWorkloadReconcile({
    client: this.client,
    clock: this.clock,
    policies: this.policies,
    ledger: this.ledger,
    pending: new Pending(),
    engine: this.engine,
    events: { record: (event) => this.events.push(event) },
    registry: { resolveTag: () => Promise.resolve(D1) },
    workload: () => this.object,
    propagation: { renderings: () => this.renderings, overriders: (_, cluster) => this.overriders.filter((one) => one.for === cluster), claim: () => CLAIM, onRecord: () => undefined },
    namespaceLabels: () => ({}),
    uncompiled: () => [],
    keychain: () => Promise.resolve(anonymousKeychain),
    policiesTouched: () => undefined,
    onPin: () => undefined,
  });

  constructor(...states: readonly PolicyState[]) {
    for (const state of states.length === 0 ? [inForce()] : states) this.policies.put(state);
  }

  async look(key = KEY): Promise<{ readonly record: WorkloadRecord; readonly requeueAfter: number | undefined }> {
    const result = await this.#reconcile(key, context());
    const record = this.ledger.get(key);
    assert.ok(record !== undefined);
    return { record, requeueAfter: result?.requeueAfter };
  }

  get patches(): (readonly JsonPatchOperation[])[] {
    return this.client.calls.flatMap(({ verb, body }) => (verb === 'patch' ? [(body as { readonly operations: readonly JsonPatchOperation[] }).operations] : []));
  }

  get asked(): string[] {
    return this.engine.requests.map(({ image, policies }) => `${image.original} by ${policies.map(({ key }) => key.name).join('+')}`);
  }
}

const effective = ({ effective: images = [] }: WorkloadRecord): string[] =>
  images.map(({ field: { image }, clusters, verdicts, pinned }) => `${image} in ${clusters.join(',')}: ${verdicts.map(({ policy, result }) => `${policy.name} ${result}`).join(' ')}${pinned ? '' : ' unpinned'}`);

test('what clusters run as the template has it is counted and not asked about', async () => {
  const world = new World();
  world.renderings = [rendering('a', [field(PINNED)]), rendering('b', [field(PINNED)])];
  const { record } = await world.look();
  assert.deepEqual([record.clusters, record.images[0]?.clusters, record.effective, record.state, record.claim], [['a', 'b'], ['a', 'b'], undefined, 'pinned', CLAIM]);
  assert.deepEqual(world.asked, [`${PINNED} by release`]);
});

test('templates that run in the same clusters have one list of them in memory', async () => {
  const world = new World();
  const of = async (name: string): Promise<readonly unknown[]> => {
    world.object = pinnedTemplate({ name, images: [field(PINNED), field(PINNED, 1)] });
    world.renderings = ['a', 'b', 'c'].map((cluster) => rendering(cluster, [field(PINNED), field(cluster === 'c' ? MIRRORED : PINNED, 1)]));
    await world.look(`Deployment/web/${name}`);
    const { clusters, images } = world.ledger.get(`Deployment/web/${name}`) as WorkloadRecord;
    return [clusters, ...images.map((image) => image.clusters)];
  };
  const [one, other] = [await of('one'), await of('other')];
  assert.deepEqual(one, [['a', 'b', 'c'], ['a', 'b', 'c'], ['a', 'b']]);
  assert.ok(one.every((names, index) => names === other[index]));
});

test('the digest that was verified takes its verdict with it into a mirror, with no look-up there', async () => {
  const world = new World();
  world.renderings = [rendering('a', [field(MIRRORED)]), rendering('b', [field(PINNED)])];
  const { record } = await world.look();
  assert.deepEqual([effective(record), record.state, record.images[0]?.clusters], [[`${MIRRORED} in a: release Verified`], 'pinned', ['b']]);
  assert.deepEqual(world.asked, [`${PINNED} by release`]);
});

test('a policy of the mirror alone is asked about what runs there, too', async () => {
  const world = new World(inForce(), fleetInForce({ images: [{ glob: 'mirror.example/**' }] }));
  world.renderings = [rendering('a', [field(MIRRORED)])];
  const { record } = await world.look();
  assert.deepEqual(effective(record), [`${MIRRORED} in a: release Verified fleet Verified`]);
  assert.deepEqual(world.asked, [`${PINNED} by release`, `${MIRRORED} by fleet`]);
});

test('another digest is judged afresh by the policies of the image that the template has', async () => {
  const other = `elsewhere.example/app@${D2}`;
  const world = new World();
  world.engine.say = ({ image }) => (image.digest === D2 ? failed() : {});
  world.renderings = [rendering('a', [field(other)])];
  const { record } = await world.look();
  assert.deepEqual([effective(record), record.state], [[`${other} in a: release Failed`], 'failed']);
  assert.match(world.events.map(({ note }) => note).join('\n'), /^elsewhere\.example\/app@sha256:2+ \(c0\) in a: no signature.*\n.*\(c0\) in 1 cluster: no signature/);
});

test('what is excused by the name that the template has is not excused under another name', async () => {
  const world = new World(inForce({ exclude: [{ glob: 'ghcr.io/acme/app', reason: 'old' }] }));
  world.engine.say = () => failed();
  world.renderings = [rendering('a', [field(`elsewhere.example/app@${D2}`)])];
  const { record } = await world.look();
  assert.deepEqual(effective(record), [`elsewhere.example/app@${D2} in a: release Failed`]);
});

test('a label that an override adds brings in the policy that chooses by it, for that cluster', async () => {
  const world = new World(inForce(), fleetInForce({ workloads: { selector: { matchLabels: { tier: 'prod' } } } }));
  world.renderings = [rendering('a', [field(PINNED)], { labels: { tier: 'prod' } }), rendering('b', [field(PINNED)])];
  const { record } = await world.look();
  assert.deepEqual(effective(record), [`${PINNED} in a: release Verified fleet Verified`]);
});

test('a label that an override takes away takes nothing out of the reach of a policy', async () => {
  const world = new World(inForce({ workloads: { selector: { matchLabels: { tier: 'prod' } } } }));
  world.object = pinnedTemplate({ labels: { tier: 'prod' } });
  world.renderings = [rendering('a', [field(`elsewhere.example/app@${D2}`)])];
  const { record } = await world.look();
  assert.deepEqual(effective(record), [`elsewhere.example/app@${D2} in a: release Verified`]);
});

test('a digest that an override drops makes the workload unpinned there, and is told once', async () => {
  const world = new World();
  const template = `ghcr.io/acme/app:1@${D1}`;
  world.object = pinnedTemplate({ images: [field(template)] });
  world.renderings = [rendering('a', [field('mirror.example/acme/app:1')]), rendering('b', [field(template)])];
  const { record } = await world.look();
  assert.deepEqual([record.state, record.unpinned?.reason], ['verified', 'DigestDroppedByOverride']);
  assert.match(record.unpinned?.message ?? '', /^an override takes the digest of ghcr\.io\/acme\/app:1@sha256:1+ in Deployment web\/api away: cluster a runs mirror\.example\/acme\/app:1; .*: write the image without its tag$/);
  assert.doesNotMatch(record.unpinned?.discreet ?? 'cluster a', /cluster a/);
  await world.look();
  assert.deepEqual(world.events.map(({ reason }) => reason), ['DigestDroppedByOverride']);
});

const TAGGED = `ghcr.io/acme/app:1@${D1}`;
/** As our own pin left it. */
const ours = (override: Partial<WorkloadObject> = {}): WorkloadObject => pinnedTemplate({ images: [field(TAGGED)], tags: JSON.stringify({ c0: { ref: APP, digest: D1 } }), ...override });
const dropping: Record<string, { readonly object?: WorkloadObject; readonly runs?: string; readonly states?: readonly PolicyState[]; readonly written: readonly string[]; readonly todo?: RegExp }> = {
  'what we pinned with its tag is written without it where an override drops the digest for that': { written: [PINNED] },
  'but not while the policies ask for the tag': { states: [inForce({ pin: { form: 'TagAndDigest' } })], written: [], todo: /: set spec\.pin\.form to Digest$/ },
  'nor where they ask for no pins': { states: [inForce({ pin: { mode: 'Never' } })], written: [], todo: /: set spec\.pin\.form to Digest$/ },
  'nor what somebody else wrote': { object: ours({ tags: JSON.stringify({ c0: { ref: 'ghcr.io/acme/other:1', digest: D1 } }) }), written: [], todo: /: write the image without its tag$/ },
  'nor where the override has a tag of its own, which takes every digest away': { runs: 'mirror.example/acme/app:2', written: [], todo: /: .* take the tag out of it/ },
  'nor where no digest is dropped': { runs: `mirror.example/acme/app:1@${D1}`, written: [] },
  'nor what is being deleted': { object: ours({ deleting: true }), written: [], todo: /: set spec\.pin\.form to Digest$/ },
};
for (const [sentence, { object = ours(), runs = 'mirror.example/acme/app:1', states = [], written, todo }] of Object.entries(dropping)) {
  test(sentence, async () => {
    const world = new World(...states);
    world.object = object;
    world.renderings = [rendering('a', [field(runs)])];
    const { record } = await world.look();
    assert.deepEqual(world.patches.flat().flatMap((one) => (one.op === 'replace' ? [one.value] : [])), written);
    if (todo === undefined) assert.equal(record.unpinned, undefined);
    else assert.match(record.unpinned?.message ?? '', todo);
  });
}

test('a pin that is written without its tag is still known by it', async () => {
  const world = new World();
  world.object = ours();
  world.renderings = [rendering('a', [field('mirror.example/acme/app:1')])];
  const { record } = await world.look();
  assert.deepEqual([record.images[0]?.tag, record.images[0]?.field.image, record.state], [APP, PINNED, 'pinned']);
  assert.match(world.events.map(({ note }) => note).join('\n'), /^pinned ghcr\.io\/acme\/app:1@sha256:1+ as ghcr\.io\/acme\/app@sha256:1+, because an override drops a digest behind a tag$/m);
});

test('whoever puts the tag back before the digest is left alone after a while', async () => {
  const world = new World();
  world.renderings = [rendering('a', [field('mirror.example/acme/app:1')])];
  for (let round = 0; round < 5; round += 1) {
    world.object = ours({ writer: 'Argo CD', resourceVersion: `${5000 + round}` });
    await world.look();
  }
  assert.deepEqual([world.patches.length, world.ledger.get(KEY)?.unpinned?.reason], [1, 'PinContested']);
});

test('a tag that an override writes over a digest is found, and the override is named as what to change', async () => {
  const world = new World();
  world.renderings = [rendering('a', [field('ghcr.io/acme/app:2')])];
  const { record } = await world.look();
  assert.match(record.unpinned?.message ?? '', /cluster a runs ghcr\.io\/acme\/app:2; take the tag out of it/);
});

test('the override that has the last word is named, where its name may be known', async () => {
  const world = new World();
  world.renderings = [rendering('a', [field('ghcr.io/acme/app:2')])];
  world.overriders = [{ kind: 'ClusterOverridePolicy', namespace: '', name: 'all', for: 'a' }, { kind: 'OverridePolicy', namespace: 'web', name: 'tags', for: 'a' }, { kind: 'OverridePolicy', namespace: 'web', name: 'other', for: 'b' }];
  const { unpinned } = (await world.look()).record;
  assert.match(`${unpinned?.message} ${unpinned?.discreet}`, /^OverridePolicy web\/tags takes .* OverridePolicy web\/tags takes /);
  world.overriders = world.overriders.slice(0, 1);
  const { unpinned: again } = (await world.look()).record;
  assert.match(`${again?.message} ${again?.discreet}`, /^ClusterOverridePolicy all takes .* a ClusterOverridePolicy takes /);
});

test('before the pin is in the clusters nobody asks what they run of the tag, nor calls it dropped', async () => {
  const world = new World();
  world.object = workload([field(APP)], { generation: 1 });
  world.renderings = [rendering('a', [field('mirror.example/acme/app:1')]), rendering('b', [field(APP)])];
  const first = await world.look();
  assert.deepEqual([first.record.state, first.record.effective, world.asked], ['pinned', undefined, [`${APP} by release`]]);
  world.object = pinnedTemplate({ generation: 2, resourceVersion: '5000', tags: JSON.stringify({ c0: { ref: APP, digest: D1 } }) });
  const second = await world.look();
  assert.deepEqual([second.record.effective, second.record.unpinned, second.requeueAfter], [undefined, undefined, 30_000]);
  world.renderings = [rendering('a', [field(MIRRORED)], { generation: 2 }), rendering('b', [field(PINNED)], { generation: 2 })];
  const third = await world.look();
  assert.deepEqual([effective(third.record), third.record.state], [[`${MIRRORED} in a: release Verified`], 'pinned']);
  assert.deepEqual(world.asked, [`${APP} by release`, `${PINNED} by release`, `${PINNED} by release`]);
});

test('what an override adds stays in the record while a pin of another container is on its way to the clusters', async () => {
  const evil = 'ghcr.io/acme/evil:1';
  const world = new World();
  world.engine.say = ({ image }) => (image.original === evil ? failed() : {});
  const runs = (app: string, generation: number): void => void (world.renderings = [rendering('a', [field(app), field(evil, 1)], { generation })]);
  runs(PINNED, 1);
  const seen = [(await world.look()).record];
  world.object = workload([field('ghcr.io/acme/app:2')], { generation: 2 });
  seen.push((await world.look()).record);
  assert.equal(world.patches.length, 1);
  world.object = pinnedTemplate({ generation: 3, resourceVersion: '5000' });
  seen.push((await world.look()).record);
  runs(PINNED, 3);
  seen.push((await world.look()).record);
  assert.deepEqual(seen.map((record) => [record.state, ...effective(record)]), seen.map(() => ['failed', `${evil} in a: release Failed unpinned`]));
  assert.deepEqual(world.events.filter(({ reason }) => reason === 'NoSignature').map(({ regarding }) => regarding.kind), ['Deployment', 'ImageVerification']);
});

test('a digest that is dropped from one container is told once, whatever is pinned beside it', async () => {
  const world = new World();
  const other = `ghcr.io/acme/side@${D1}`;
  const runs = (app: string, generation: number): void => void (world.renderings = [rendering('a', [field(app), field('ghcr.io/acme/side:9', 1)], { generation })]);
  world.object = pinnedTemplate({ images: [field(PINNED), field(other, 1)] });
  runs(PINNED, 1);
  const seen = [(await world.look()).record];
  world.object = workload([field('ghcr.io/acme/app:2'), field(other, 1)], { generation: 2 });
  seen.push((await world.look()).record);
  assert.equal(world.patches.length, 1);
  world.object = pinnedTemplate({ images: [field(PINNED), field(other, 1)], generation: 3, resourceVersion: '5000' });
  seen.push((await world.look()).record);
  runs(PINNED, 3);
  seen.push((await world.look()).record);
  assert.deepEqual(seen.map(({ unpinned, effective: [one] = [] }) => [unpinned?.reason, one?.dropped]), seen.map(() => ['DigestDroppedByOverride', true]));
  assert.deepEqual(world.events.filter(({ reason }) => reason === 'DigestDroppedByOverride').length, 1);
});

test('a pin that is refused does not keep what runs from being judged', async () => {
  const world = new World();
  world.object = workload([field(APP)], { generation: 1 });
  world.renderings = [rendering('a', [field(`elsewhere.example/app@${D2}`)])];
  world.client.answer = () => errorFromStatus('patch', 403, { reason: 'Forbidden', message: 'no' });
  assert.equal((await world.look()).record.effective, undefined);
  assert.deepEqual(effective((await world.look()).record), [`elsewhere.example/app@${D2} in a: release Verified`]);
});

test('a cluster that does not get what the template says is judged by what it runs after half a minute, and stays so', async () => {
  const world = new World();
  world.object = pinnedTemplate({ generation: 2 });
  world.renderings = [rendering('a', [field(APP)])];
  assert.equal((await world.look()).requeueAfter, 30_000);
  world.clock.advance(30_000);
  const { record } = await world.look();
  assert.deepEqual([effective(record), record.unpinned?.reason], [[`${APP} in a: release Verified unpinned`], 'NotPinned']);
  assert.match(record.unpinned?.message ?? '', /^cluster a runs ghcr\.io\/acme\/app:1, and Karmada has not brought ghcr\.io\/acme\/app@sha256:1+ there/);
  assert.match(record.unpinned?.discreet ?? '', /^1 cluster runs/);
  world.clock.advance(60_000);
  assert.deepEqual(effective((await world.look()).record), effective(record));
});

test('a container that an override adds is judged, and unpinned without a digest', async () => {
  const world = new World(inForce({ images: [{ glob: 'ghcr.io/acme/**' }] }));
  world.renderings = [rendering('a', [field(PINNED), field('ghcr.io/acme/side:1', 1)])];
  const { record } = await world.look();
  assert.deepEqual(effective(record), ['ghcr.io/acme/side:1 in a: release Verified unpinned']);
  assert.match(record.unpinned?.message ?? '', /^cluster a runs ghcr\.io\/acme\/side:1, which an override adds without a digest/);
});

test('what fails in a cluster is asked for again as anything that fails', async () => {
  const world = new World();
  world.engine.say = ({ image }) => (image.digest === D2 ? failed() : {});
  world.renderings = [rendering('a', [field(`elsewhere.example/app@${D2}`)])];
  assert.equal((await world.look()).requeueAfter, 60_000);
});

test('where Karmada is gone, nothing of it is recorded any more', async () => {
  const world = new World();
  world.renderings = [rendering('a', [field(MIRRORED)])];
  await world.look();
  world.renderings = undefined;
  const { record } = await world.look();
  assert.deepEqual([record.clusters, record.effective, record.claim, record.images[0]?.clusters], [undefined, undefined, undefined, undefined]);
  assert.equal(world.ledger.picture(policyId(POLICY)).propagation.isThere, false);
});
