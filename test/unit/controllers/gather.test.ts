import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseImageReference } from '../../../src/api/image-reference.ts';
import { DeadlineExceeded } from '../../../src/base/abort.ts';
import { Waiting } from '../../../src/base/errors.ts';
import type { GatherDependencies } from '../../../src/controllers/asking.ts';
import { gather, type WorkloadFacts } from '../../../src/controllers/gather.ts';
import { governanceOf, questionsOf } from '../../../src/controllers/governance.ts';
import { Ledger } from '../../../src/controllers/ledger.ts';
import { PolicySet, type PolicyState } from '../../../src/controllers/policy-set.ts';
import type { WorkloadObject } from '../../../src/controllers/workload-object.ts';
import { anonymousKeychain } from '../../../src/registry/keychain.ts';
import type { Keychain } from '../../../src/registry/types.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { D1, D2, failed, field, fleetInForce, inForce, NOW, outcome, pendingState, record, refusedState, workload } from './builders.ts';
import { context, StandInEngine } from './stand-ins.ts';

const OWN: Keychain = { ...anonymousKeychain, scope: 'of the namespace' };
const OPERATORS: Keychain = { ...anonymousKeychain, scope: 'of the operator too' };
const APP = 'ghcr.io/acme/app:1';

interface World {
  readonly dependencies: GatherDependencies;
  readonly engine: StandInEngine;
  readonly ledger: Ledger;
  readonly clock: ManualClock;
  readonly resolved: string[];
}

function world(states: readonly PolicyState[], override: Partial<GatherDependencies> = {}): World {
  const [engine, ledger, policies, clock] = [new StandInEngine(), new Ledger(), new PolicySet(), new ManualClock(NOW)];
  const resolved: string[] = [];
  for (const state of states) policies.put(state);
  const dependencies: GatherDependencies = {
    policies,
    uncompiled: () => [],
    namespaceLabels: () => ({}),
    keychain: (_, { operators }) => Promise.resolve(operators ? OPERATORS : OWN),
    engine,
    registry: { resolveTag: (_, tag) => Promise.resolve((resolved.push(tag), D1)) },
    ledger,
    clock,
    ...override,
  };
  return { dependencies, engine, ledger, clock, resolved };
}

async function facts(states: readonly PolicyState[], object: WorkloadObject, prepare: (world: World) => void = () => undefined): Promise<WorkloadFacts & { engine: StandInEngine }> {
  const made = world(states);
  prepare(made);
  return { ...(await gather(made.dependencies, object, context())), engine: made.engine };
}

const said = ({ images }: WorkloadFacts): string[] => images.map(({ verdicts }) => verdicts.map(({ policy, result, reason }) => `${policy.name} ${result}/${reason}`).join(', '));

test('an image is asked about once for all policies that govern it, and nothing else is', async () => {
  const { images, engine, policies } = await facts([inForce()], workload([field(APP), field('free:1', 1)]));
  assert.deepEqual(images.map(({ name, digest, pinned, verdicts }) => [name, digest, pinned, verdicts.length]), [['ghcr.io/acme/app', D1, false, 1], ['docker.io/library/free', undefined, false, 0]]);
  assert.equal(engine.requests.length, 1);
  assert.deepEqual(policies.map(({ key }) => key.name), ['release']);
});

test('a tag that several containers name is resolved once for all of them', async () => {
  const { engine, images } = await facts([inForce()], workload([field(APP), field(APP, 1), field('GHCR.io:443/acme/app:1', 2), field('ghcr.io/acme/app:2', 3)]));
  assert.deepEqual(engine.requests.map(({ image }) => image.tag), ['1', '2']);
  assert.deepEqual(images.map(({ digest }) => digest), [D1, D1, D1, D1]);
});

test('of a workload with many images none waits for another: a registry that hangs holds the workload once', { timeout: 5000 }, async () => {
  const engine = new StandInEngine();
  const verify = engine.verify.bind(engine);
  let all = (): void => undefined;
  const asked = new Promise<void>((resolve) => {
    all = resolve;
  });
  let now = 0;
  engine.verify = async (request) => {
    now += 1;
    if (now === 60) all();
    await asked;
    return verify(request);
  };
  const fields = Array.from({ length: 60 }, (_, index) => field(`ghcr.io/acme/app:${index}`, index));
  const { images } = await gather(world([inForce()], { engine }).dependencies, workload(fields), context());
  assert.deepEqual(images.map((one) => one.field.image), fields.map(({ image }) => image));
});

test('a policy of another namespace that is not compiled yet keeps nobody waiting', async () => {
  const { dependencies } = world([inForce()], { uncompiled: () => ['ImageVerification/elsewhere/new'] });
  assert.equal((await gather(dependencies, workload([field(APP)]), context())).images[0]?.verdicts[0]?.result, 'Verified');
});

test('a digest in the field is what is judged, pinned or not verified', async () => {
  const { images } = await facts([inForce()], workload([field(`ghcr.io/acme/app@${D2}`), field(`ghcr.io/acme/app:9@${D2}`, 1)]), ({ engine }) => {
    engine.say = () => failed();
  });
  assert.deepEqual(images.map(({ digest, pinned }) => [digest, pinned]), [[D2, true], [D2, true]]);
});

test('an image text that does not parse is Unknown under every policy of the workload, and nobody is asked', async () => {
  const found = await facts([inForce(), fleetInForce()], workload([field('https://ghcr.io/acme/app')]));
  assert.deepEqual(said(found), ['release Unknown/ManifestInvalid, fleet Unknown/ManifestInvalid']);
  assert.match(found.images[0]?.verdicts[0]?.message ?? '', /https:.*correct the reference$/);
  assert.equal(found.engine.requests.length, 0);
});

test('a policy that is refused makes its images Unknown with its field, and the others are asked all the same', async () => {
  const found = await facts([refusedState(), fleetInForce()], workload([field(APP)]));
  assert.deepEqual(said(found), ['release Unknown/PolicyInvalid, fleet Verified/SignatureValid']);
  assert.match(found.images[0]?.verdicts[0]?.message ?? '', /spec\.treshold: is not known/);
  assert.deepEqual(found.policies.map(({ key }) => key.name), ['fleet']);
});

test('a suspended policy says nothing', async () => {
  assert.deepEqual(said(await facts([inForce({ suspend: true })], workload([field(APP)]))), ['']);
});

const excluding = (glob: string): PolicyState => inForce({ exclude: [{ glob, reason: 'being migrated' }] });
test('an excluded image is not asked about, and says why', async () => {
  const found = await facts([excluding('ghcr.io/acme/app')], workload([field(APP)]));
  assert.deepEqual(said(found), ['release Excluded/Excluded']);
  assert.match(found.images[0]?.verdicts[0]?.message ?? '', /being migrated/);
  assert.equal(found.engine.requests.length, 0);
});

test('an exclusion excuses from its own policy only', async () => {
  assert.deepEqual(said(await facts([excluding('ghcr.io/acme/**'), fleetInForce()], workload([field(APP)]))), ['release Excluded/Excluded, fleet Verified/SignatureValid']);
});

test('an exclusion by digest counts for that digest, whether the field names it or a tag leads to it', async () => {
  const object = workload([field(APP), field(`ghcr.io/acme/app@${D1}`, 1), field(`ghcr.io/acme/app@${D2}`, 2)]);
  const found = await facts([excluding(`ghcr.io/acme/app@${D1}`)], object);
  assert.deepEqual(said(found), ['release Excluded/Excluded', 'release Excluded/Excluded', 'release Verified/SignatureValid']);
  assert.deepEqual(found.engine.requests.map(({ image }) => image.digest), [undefined, D2]);
});

test('a namespaced policy asks with the pull secrets of its namespace alone, whatever governs another image', async () => {
  const { engine } = await facts([inForce(), fleetInForce({ images: [{ glob: 'quay.io/**' }] })], workload([field(APP), field('quay.io/x/y:1', 1)]));
  assert.deepEqual(engine.requests.map(({ image, keychain }) => [image.host, keychain.scope]), [['ghcr.io', OWN.scope], ['quay.io', OPERATORS.scope]]);
});

test('where both kinds govern one image, each asks with its own credentials, about one digest', async () => {
  const found = await facts([inForce(), fleetInForce()], workload([field(APP)]), ({ engine }) => {
    engine.resolve = ({ keychain }) => (keychain === OPERATORS ? D2 : D1);
  });
  assert.deepEqual(found.engine.requests.map(({ image, keychain, policies }) => [image.digest, keychain.scope, policies.map(({ key }) => key.name)]), [
    [undefined, OPERATORS.scope, ['fleet']],
    [D2, OWN.scope, ['release']],
  ]);
  assert.equal(found.images[0]?.digest, D2);
  assert.deepEqual(said(found), ['release Verified/SignatureValid, fleet Verified/SignatureValid']);
});

test('where the operator has no credentials of its own, both kinds are asked at once', async () => {
  const { dependencies, engine } = world([inForce(), fleetInForce()], { keychain: () => Promise.resolve(OWN) });
  await gather(dependencies, workload([field(APP)]), context());
  assert.deepEqual(engine.requests.map(({ policies }) => policies.length), [2]);
});

test('an engine that throws over one image costs the others nothing', async () => {
  const { dependencies, engine } = world([inForce()]);
  engine.say = ({ image }) => {
    if (image.tag === 'broken') throw new TypeError('no such thing');
    return {};
  };
  const surroundings = context();
  const found = await gather(dependencies, workload([field('ghcr.io/acme/app:broken'), field(APP, 1)]), surroundings);
  assert.deepEqual(said(found), ['release Unknown/RegistryUnavailable', 'release Verified/SignatureValid']);
  assert.deepEqual(surroundings.log.lines.map(({ level, message }) => `${level} ${message}`), ['error an image could not be judged']);
});

test('a judgement that is aborted is no verdict', async () => {
  const { dependencies, engine } = world([inForce()]);
  const ending = new AbortController();
  engine.say = () => {
    ending.abort(new DeadlineExceeded('workload Deployment/web/api', 1000));
    throw ending.signal.reason;
  };
  await assert.rejects(gather(dependencies, workload([field(APP), field('ghcr.io/acme/b:1', 1)]), context(ending.signal)), DeadlineExceeded);
});

test('pull secrets that cannot be read are no verdict', async () => {
  const { dependencies } = world([inForce()], { keychain: () => Promise.reject(new Error('the API server is away')) });
  await assert.rejects(gather(dependencies, workload([field(APP)]), context()), /the API server is away/);
});

test('the longest wait that a registry asked for is told', async () => {
  const { retryAfter } = await facts([inForce()], workload([field(APP)]), ({ engine }) => {
    engine.retryAfter = 90_000;
  });
  assert.equal(retryAfter, 90_000);
});

const waits: Record<string, { states: readonly PolicyState[]; override?: Partial<GatherDependencies>; image?: string; why: RegExp }> = {
  'a policy of its namespace that is not compiled yet': { states: [], override: { uncompiled: () => ['ImageVerification/elsewhere/other', 'ImageVerification/web/new'] }, why: /web\/new is not compiled yet/ },
  'a policy of all namespaces that is not compiled yet': { states: [], override: { uncompiled: () => ['ClusterImageVerification/new'] }, why: /ClusterImageVerification\/new is not compiled yet/ },
  'a policy of which the references are not read': { states: [pendingState()], why: /references of policy ImageVerification\/web\/release/ },
  'a namespace that is not known, while a cluster-wide policy may choose it': { states: [fleetInForce()], override: { namespaceLabels: () => undefined }, why: /namespace web is not known yet/ },
};
for (const [what, { states, override, why }] of Object.entries(waits)) {
  test(`a workload waits for ${what}`, async () => {
    const { dependencies, engine } = world(states, override);
    await assert.rejects(gather(dependencies, workload([field(APP)]), context()), (error) => error instanceof Waiting && why.test(error.message));
    assert.equal(engine.requests.length, 0);
  });
}

const goesOn: Record<string, { states: readonly PolicyState[]; override?: Partial<GatherDependencies>; images: readonly string[] }> = {
  'a pending policy does not hold up a workload without an image of its': { states: [pendingState()], images: ['free:1'] },
  'a namespace that is not known does not matter to a policy of that namespace': { states: [inForce()], override: { namespaceLabels: () => undefined }, images: [APP] },
  'a pending policy of another namespace does not matter': { states: [pendingState({ namespace: 'other' })], images: [APP] },
};
for (const [sentence, { states, override, images }] of Object.entries(goesOn)) {
  test(sentence, async () => {
    const { dependencies } = world(states, override);
    assert.equal((await gather(dependencies, workload(images.map((image, at) => field(image, at))), context())).images.length, images.length);
  });
}

test('governance is equal while the same policies, unchanged, govern the same images', () => {
  const of = (...states: PolicyState[]): string => governanceOf(questionsOf(world(states).dependencies, workload([field(APP)])));
  const policy = inForce();
  assert.equal(of(policy), of({ ...policy }));
  for (const [what, other] of Object.entries({
    'a changed policy': [inForce({ threshold: 1, recheckInterval: '1h' })],
    'a re-created one': [inForce({}, { uid: 'uid-2' })],
    'one that is refused by now': [refusedState()],
    'one more': [policy, fleetInForce()],
    'none': [],
  })) assert.notEqual(of(policy), of(...other), what);
});

const TAGS = JSON.stringify({ c0: { ref: APP, digest: D1 } });
const pinnedApp = `ghcr.io/acme/app@${D1}`;
const known = (override: object): ReturnType<typeof record> => record([outcome(pinnedApp, { tag: APP, tagAskedAt: NOW, ...override })]);
const moved = { digest: D2, message: 'it moved' };
const fresh = (freshSince: number): PolicyState => {
  const state = inForce();
  return { ...state, policy: { ...state.policy, freshSince } };
};
const tags: Record<string, { states?: PolicyState[]; before?: ReturnType<typeof record>; at?: number; tags?: string; resolves: string[]; says: object }> = {
  'a start does not ask for the tags of what is pinned': { resolves: [], says: { tag: APP, tagAskedAt: NOW } },
  'a tag is not asked for again within the interval': { before: known({}), at: NOW + 60_000, resolves: [], says: { tag: APP, tagAskedAt: NOW } },
  'what was known of its move stays meanwhile': { before: known({ moved }), at: NOW + 60_000, resolves: [], says: { tag: APP, tagAskedAt: NOW, moved } },
  'after the interval it is, and a tag that came back is no news': { before: known({ moved }), at: NOW + 86_400_000, resolves: ['1'], says: { tag: APP, tagAskedAt: NOW + 86_400_000 } },
  'a policy that is to be judged afresh asks at once': { states: [fresh(NOW + 1)], before: known({}), at: NOW + 2, resolves: ['1'], says: { tag: APP, tagAskedAt: NOW + 2 } },
  'what was known of another object of the same name does not count': { before: { ...known({ moved }), uid: 'former' }, at: NOW + 60_000, resolves: [], says: { tag: APP, tagAskedAt: NOW + 60_000 } },
  'without the annotation there is no tag': { tags: '{}', resolves: [], says: {} },
};
for (const [sentence, { states = [inForce()], before, at = NOW, tags: annotation = TAGS, resolves, says }] of Object.entries(tags)) {
  test(sentence, async () => {
    const { dependencies, clock, ledger, resolved } = world(states);
    if (before !== undefined) ledger.record(before);
    clock.advance(at - NOW);
    const { images } = await gather(dependencies, workload([field(pinnedApp)], { tags: annotation }), context());
    assert.deepEqual(resolved, resolves);
    const { tag, tagAskedAt, moved: news } = images[0] ?? {};
    assert.deepEqual({ ...(tag === undefined ? {} : { tag }), ...(tagAskedAt === undefined ? {} : { tagAskedAt }), ...(news === undefined ? {} : { moved: news }) }, says);
  });
}

test('a tag that moved is told with what to do; that it cannot be asked changes nothing', async () => {
  const ask = async (resolveTag: GatherDependencies['registry']['resolveTag'], before = known({})): Promise<unknown> => {
    const { dependencies, ledger } = world([fresh(NOW + 1)], { registry: { resolveTag } });
    ledger.record(before);
    return (await gather(dependencies, workload([field(pinnedApp)], { tags: TAGS }), context())).images[0]?.moved;
  };
  assert.deepEqual(await ask(() => Promise.resolve(D2)), { digest: D2, message: `${APP} points to ${D2} by now; the digest stays because spec.pin.follow is Never, apply ${APP} again to have the new one judged.` });
  assert.equal(await ask(() => Promise.reject(new Error('away'))), undefined);
  assert.deepEqual(await ask(() => Promise.reject(new Error('away')), known({ moved })), moved);
});

test('the reference that is asked about is the one that the field has', async () => {
  const { engine } = await facts([inForce()], workload([field('GHCR.IO/acme/app')]));
  assert.deepEqual(engine.requests[0]?.image, parseImageReference('GHCR.IO/acme/app'));
});
