import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PolicyCompiler, type OperatorRoot } from '../../../src/controllers/policy-compiler.ts';
import type { PolicyObject } from '../../../src/controllers/policy-object.ts';
import type { PolicyState } from '../../../src/controllers/policy-set.ts';
import { errorFromStatus } from '../../../src/kube/api-error.ts';
import type { KubeObject } from '../../../src/kube/object.ts';
import { describeTrust, type TrustDescription, trustSource, type TrustSource } from '../../../src/signatures/trust-recipe.ts';
import { clusterPolicy, keyAuthority, keylessAuthority, newPublicKey, policy, PUBLIC_KEY } from '../../support/builders.ts';
import { sigstore } from '../../support/compile.ts';
import { ManualClock, settled } from '../../support/manual-clock.ts';
import { until } from '../../support/until.ts';
import { NOW } from './builders.ts';
import { StandInClient } from './stand-ins.ts';

const ID = 'ImageVerification/web/release';
const BY_SECRET = { authorities: [{ name: 'release', key: { secretRef: { name: 'release' } } }] };

function objectOf(raw: ReturnType<typeof policy>, override: Partial<PolicyObject> = {}): PolicyObject {
  const { name, namespace = '', uid, generation } = raw.metadata as { name: string; namespace?: string; uid: string; generation: number };
  return { kind: raw.kind as PolicyObject['kind'], namespace, name, resourceVersion: '1', uid, generation, spec: raw.spec, deleting: false, ...override };
}

const secret = (key: string | undefined, resourceVersion = '5', namespace = 'web'): KubeObject =>
  ({ metadata: { namespace, name: 'release', uid: 's', resourceVersion }, data: key === undefined ? {} : { 'cosign.pub': Buffer.from(key).toString('base64') } } as KubeObject);

const rootOf = (name: string): OperatorRoot => ({ source: sigstore(name).source, description: describeTrust(sigstore(name).source) });

/** A compiler that is asked about one policy. */
class World {
  readonly client = new StandInClient();
  readonly clock = new ManualClock(NOW);
  readonly woken: string[] = [];
  /** How it is found out what is in a trust root. */
  operatorRoot: OperatorRoot = rootOf('operator');
  describe: (source: TrustSource) => Promise<TrustDescription> = async (source) => describeTrust(source);
  state: PolicyState | undefined;
  readonly #compiler = new PolicyCompiler({
    client: this.client,
    clock: this.clock,
    operatorNamespace: 'assay-system',
    trustRoot: () => this.operatorRoot,
    describeTrust: (source) => this.describe(source),
    onReferenceChange: (ids) => this.woken.push(...ids),
  });

  constructor(answer: KubeObject | Error = errorFromStatus('get', 404, {})) {
    this.client.answer = () => answer;
  }

  compile(object: PolicyObject, id = ID): PolicyState {
    this.state = this.#compiler.compile(id, object, this.state);
    return this.state;
  }

  /** Compiles, lets the answer to what it names come, and compiles again. */
  async read(object: PolicyObject): Promise<PolicyState> {
    this.compile(object);
    await settled();
    return this.compile(object);
  }

  release(id: string): void {
    this.#compiler.release(id);
  }

  async stop(): Promise<void> {
    this.release(ID);
    await this.#compiler.stop();
  }
}

async function inWorld(answer: KubeObject | Error | undefined, run: (world: World) => Promise<void>): Promise<void> {
  const world = new World(answer);
  try {
    await run(world);
  } finally {
    await world.stop();
  }
}

const told = (state: PolicyState): string => (state.status === 'refused' ? `${state.reason} ${state.field}: ${state.message}` : state.status);

test('a policy that names nothing compiles at once', () =>
  inWorld(undefined, async (world) => {
    assert.equal(told(world.compile(objectOf(policy()))), 'compiled');
    assert.deepEqual(world.client.calls, []);
  }));

test('one that names a Secret waits until that is answered for, is woken, and compiles', () =>
  inWorld(secret(PUBLIC_KEY), async (world) => {
    const object = objectOf(policy(BY_SECRET));
    assert.equal(told(world.compile(object)), 'pending');
    await settled();
    assert.deepEqual(world.woken, [ID]);
    assert.equal(told(world.compile(object)), 'compiled');
  }));

test('a Secret is read once for all policies that name it, and not for each of them', () => {
  let reads = 0;
  const counting = (resourceVersion: string): KubeObject => ({
    metadata: { namespace: 'web', name: 'release', uid: 's', resourceVersion },
    data: {
      get 'cosign.pub'() {
        reads += 1;
        return Buffer.from(PUBLIC_KEY).toString('base64');
      },
    },
  }) as KubeObject;
  return inWorld(counting('5'), async (world) => {
    const object = objectOf(policy(BY_SECRET));
    await world.read(object);
    const before = reads;
    for (let index = 0; index < 10; index += 1) assert.equal(told(world.compile({ ...object, generation: 2, name: `other-${index}` }, `ImageVerification/web/other-${index}`)), 'compiled');
    assert.equal(reads, before);
    for (let index = 0; index < 10; index += 1) world.release(`ImageVerification/web/other-${index}`);
  });
});

const places: Record<string, { raw: ReturnType<typeof policy>; namespace: string }> = {
  'a namespaced policy reads its own namespace': { raw: policy(BY_SECRET), namespace: 'web' },
  'a cluster-wide one reads that of the operator': { raw: clusterPolicy(BY_SECRET), namespace: 'assay-system' },
};
for (const [sentence, { raw, namespace }] of Object.entries(places)) {
  test(sentence, () => inWorld(secret(PUBLIC_KEY), async (world) => {
    await world.read(objectOf(raw));
    assert.deepEqual(world.client.calls.map(({ ref }) => ref), [{ resource: world.client.calls[0]?.resource, namespace, name: 'release' }]);
  }));
}

const answers: Record<string, { answer: KubeObject | Error; is: RegExp }> = {
  'a Secret that is not there': { answer: errorFromStatus('get', 404, {}), is: /^ReferenceMissing spec\.authorities\[0\]\.key\.secretRef: there is no Secret release/ },
  'a Secret without the entry': { answer: secret(undefined), is: /^ReferenceMissing .* has no entry cosign\.pub/ },
  'a Secret that may not be read': { answer: errorFromStatus('get secrets "web/release"', 403, {}), is: /^ReferenceMissing .*Secret release cannot be read: / },
  'a Secret with something that is no key': { answer: secret('no key'), is: /^PolicyInvalid spec\.authorities\[0\]\.key/ },
};
for (const [what, { answer, is }] of Object.entries(answers)) {
  test(`${what} is named with its field`, () => inWorld(answer, async (world) => {
    assert.match(told(await world.read(objectOf(policy(BY_SECRET)))), is);
  }));
}

test('a field that is wrong anyway is told before what is not read', () =>
  inWorld(secret(PUBLIC_KEY), async (world) => {
    assert.match(told(world.compile(objectOf(policy({ ...BY_SECRET, treshold: 2 })))), /^PolicyInvalid spec\.treshold/);
  }));

test('a key that is rotated wakes the policy and makes it another one', () =>
  inWorld(secret(PUBLIC_KEY), async (world) => {
    const object = objectOf(policy(BY_SECRET));
    const before = await world.read(object);
    world.woken.length = 0;
    world.client.emit('secrets', 'MODIFIED', secret(newPublicKey(), '6'));
    assert.deepEqual(world.woken, [ID]);
    const after = world.compile(object);
    assert.deepEqual([told(after), after.hash === before.hash], ['compiled', false]);
  }));

test('a Secret that is written again with the same key decides nothing', () =>
  inWorld(secret(PUBLIC_KEY), async (world) => {
    const object = objectOf(policy(BY_SECRET));
    const before = await world.read(object);
    world.client.emit('secrets', 'MODIFIED', secret(PUBLIC_KEY, '6'));
    assert.equal(world.compile(object).hash, before.hash);
  }));

const pullSecret = (password: string, resourceVersion = '5'): KubeObject => {
  const config = JSON.stringify({ auths: { 'sigs.example': { username: 'reader', password } } });
  return { metadata: { namespace: 'web', name: 'reader', uid: 's', resourceVersion }, data: { '.dockerconfigjson': Buffer.from(config).toString('base64') } } as KubeObject;
};
const BY_SOURCE = { authorities: [keyAuthority({ source: [{ oci: 'sigs.example/acme', signaturePullSecrets: [{ name: 'reader' }] }] })] };

test('a pull secret of a source that is rotated makes it another policy, whose new credentials count', () =>
  inWorld(pullSecret('old'), async (world) => {
    const object = objectOf(policy(BY_SOURCE));
    const before = await world.read(object);
    world.client.emit('secrets', 'MODIFIED', pullSecret('new', '6'));
    const after = world.compile(object);
    assert.deepEqual([told(after), after.hash === before.hash], ['compiled', false]);
    assert.ok(after.status === 'compiled');
    const [source] = after.policy.authorities[0]?.sources ?? [];
    assert.ok(source);
    assert.equal((await after.policy.sourceKeychain?.(source)?.lookup({ host: 'sigs.example', path: 'acme' }))?.password, 'new');
    assert.doesNotMatch(JSON.stringify(after), /"new"/);
  }));

test('a Secret that is deleted does not count any more', () =>
  inWorld(secret(PUBLIC_KEY), async (world) => {
    const object = objectOf(policy(BY_SECRET));
    await world.read(object);
    world.client.emit('secrets', 'DELETED', secret(PUBLIC_KEY, '6'));
    assert.match(told(world.compile(object)), /^ReferenceMissing/);
  }));

test('what nobody names any more is not followed', () =>
  inWorld(secret(PUBLIC_KEY), async (world) => {
    await world.read(objectOf(policy(BY_SECRET)));
    world.compile(objectOf(policy({}, { generation: 2 })));
    world.woken.length = 0;
    world.client.emit('secrets', 'MODIFIED', secret(newPublicKey(), '6'));
    assert.deepEqual(world.woken, []);
  }));

test('a policy of which nothing changed is not compiled again', () =>
  inWorld(secret(PUBLIC_KEY), async (world) => {
    const object = objectOf(policy(BY_SECRET));
    const state = await world.read(object);
    assert.equal(world.compile({ ...object, resourceVersion: '2', status: { observedGeneration: 1 } }), state);
    assert.notEqual(world.compile({ ...object, generation: 2 }), state);
  }));

test('a policy that is gone and comes back is compiled afresh', () =>
  inWorld(undefined, async (world) => {
    const state = world.compile(objectOf(policy()));
    world.state = undefined;
    assert.notEqual(world.compile(objectOf(policy())), state);
  }));

test('a request to judge afresh counts from when it was seen to change, and not from the start', () =>
  inWorld(undefined, async (world) => {
    const freshness = (requestedAt?: string): unknown => {
      const state = world.compile(objectOf(policy(), requestedAt === undefined ? {} : { requestedAt }));
      return state.status === 'compiled' ? state.policy.freshSince : state.status;
    };
    assert.equal(freshness('before the start'), undefined);
    const first = world.state?.hash;
    world.clock.advance(5000);
    assert.equal(freshness('now'), NOW + 5000);
    assert.notEqual(world.state?.hash, first);
    world.clock.advance(5000);
    assert.equal(freshness('now'), NOW + 5000);
    assert.equal(freshness(), NOW + 10_000);
  }));

test('freshness outlives an edit, and not a re-creation', () =>
  inWorld(undefined, async (world) => {
    world.compile(objectOf(policy()));
    world.compile(objectOf(policy(), { requestedAt: 'now' }));
    const edited = world.compile(objectOf(policy({ recheckInterval: '1h' }, { generation: 2 }), { requestedAt: 'now' }));
    assert.equal(edited.status === 'compiled' ? edited.policy.freshSince : '', NOW);
    const other = world.compile(objectOf(policy({}, { uid: 'uid-2' }), { requestedAt: 'now' }));
    assert.equal(other.status === 'compiled' ? other.policy.freshSince : '', undefined);
  }));

const BY_ROOT = { authorities: [keylessAuthority({ keyless: { identities: [{ issuer: 'https://i.example', subject: 'me' }], trustRootRef: { kind: 'Secret', name: 'release' } } })] };
const rootSecret = (json: string, resourceVersion = '5'): KubeObject =>
  ({ metadata: { namespace: 'web', name: 'release', uid: 's', resourceVersion }, data: { 'trusted_root.json': Buffer.from(json).toString('base64') } } as KubeObject);

test('one that brings its own trust root waits until it is known what is in that, is woken, and compiles', () =>
  inWorld(rootSecret(sigstore('ours').json), async (world) => {
    const object = objectOf(policy(BY_ROOT));
    let answer: (() => void) | undefined;
    world.describe = (source) => new Promise((resolve) => {
      answer = () => resolve(describeTrust(source));
    });
    await world.read(object);
    await until(() => answer !== undefined, 'the question');
    world.woken.length = 0;
    const waiting = world.compile(object);
    assert.equal(told(waiting), 'pending');
    assert.ok(waiting.status === 'pending' && waiting.scope.governsImage('ghcr.io/acme/web'), 'what it may govern waits');
    answer?.();
    await until(() => world.woken.length > 0, 'being woken');
    assert.equal(told(world.compile(object)), 'compiled');
  }));

test('what is in a trust root is asked once, and again when it changes', () =>
  inWorld(rootSecret(sigstore('ours').json), async (world) => {
    const asked: string[] = [];
    world.describe = async (source) => {
      asked.push(source.text);
      return describeTrust(source);
    };
    const settle = async (object: PolicyObject): Promise<PolicyState> => {
      await until(() => world.compile(object).status !== 'pending', 'an answer');
      return world.compile(object);
    };
    const before = await settle(objectOf(policy(BY_ROOT)));
    await settle(objectOf(policy(BY_ROOT), { requestedAt: 'now' }));
    assert.deepEqual(asked, [sigstore('ours').json]);
    world.client.emit('secrets', 'MODIFIED', rootSecret(sigstore('theirs').json, '6'));
    await settled();
    const after = await settle(objectOf(policy(BY_ROOT)));
    assert.deepEqual(asked, [sigstore('ours').json, sigstore('theirs').json]);
    assert.notEqual(before.hash, after.hash);
  }));

test('of several trust roots only the one that changed is asked for again', () => {
  const refs = ['a.json', 'b.json'].map((key) => ({ kind: 'Secret', name: 'release', key }));
  const authorities = [keylessAuthority({ keyless: { identities: [{ issuer: 'https://i.example', subject: 'me' }], trustRootRef: refs[0] }, ctlog: { trustRootRef: refs[1] } })];
  const both = (a: string, b: string, resourceVersion: string): KubeObject =>
    ({ ...rootSecret('', resourceVersion), data: { 'a.json': Buffer.from(sigstore(a).json).toString('base64'), 'b.json': Buffer.from(sigstore(b).json).toString('base64') } } as KubeObject);
  return inWorld(both('ours', 'theirs', '5'), async (world) => {
    const asked: string[] = [];
    world.describe = async (source) => {
      asked.push(source.text);
      return describeTrust(source);
    };
    const object = objectOf(policy({ authorities }));
    await until(() => world.compile(object).status === 'compiled', 'the policy');
    world.client.emit('secrets', 'MODIFIED', both('ours', 'others', '6'));
    await settled();
    await until(() => world.compile(object).status === 'compiled' && asked.length > 2, 'the policy again');
    assert.deepEqual(asked, ['ours', 'theirs', 'others'].map((name) => sigstore(name).json));
  });
});

test('a trust root that is none is named with its field', () =>
  inWorld(rootSecret('{}'), async (world) => {
    const object = objectOf(policy(BY_ROOT));
    await until(() => world.compile(object).status !== 'pending', 'an answer');
    assert.match(told(world.compile(object)), /^PolicyInvalid spec\.authorities\[0\]\.keyless\.trustRootRef: .*trusted root/);
  }));

test('where it cannot be found out what is in a trust root, it is asked again', () =>
  inWorld(rootSecret(sigstore('ours').json), async (world) => {
    const object = objectOf(policy(BY_ROOT));
    let failures = 0;
    world.describe = async () => {
      failures += 1;
      throw new Error('no worker starts');
    };
    await world.read(object);
    await until(() => failures === 1, 'the first try');
    await settled();
    world.describe = async (source) => describeTrust(source);
    world.woken.length = 0;
    world.clock.advance(10_000);
    assert.deepEqual(world.woken, [ID]);
    await until(() => world.compile(object).status === 'compiled', 'the policy');
  }));

const KEYLESS = policy({ authorities: [keylessAuthority()] });

test('a policy is another one as soon as the operator’s trust root is', () =>
  inWorld(undefined, async (world) => {
    const object = objectOf(KEYLESS);
    const before = world.compile(object);
    assert.equal(world.compile(object), before);
    world.operatorRoot = rootOf('refreshed');
    const after = world.compile(object);
    assert.deepEqual([told(after), after.hash === before.hash], ['compiled', false]);
  }));

const unusable = (reason: 'TrustRootUnavailable' | 'TrustRootExpired'): OperatorRoot => ({ source: trustSource('TrustedRoot', ''), description: { problem: 'it ended', reason } });

for (const reason of ['TrustRootUnavailable', 'TrustRootExpired'] as const) {
  test(`a policy that needs the operator’s trust root says ${reason} while that cannot be used, and is back with it`, () =>
    inWorld(undefined, async (world) => {
      const object = objectOf(KEYLESS);
      world.operatorRoot = unusable(reason);
      assert.equal(told(world.compile(object)), `${reason} spec.authorities[0]: it ended`);
      world.operatorRoot = rootOf('operator');
      assert.equal(told(world.compile(object)), 'compiled');
    }));
}

test('a policy that needs no trust root does not care', () =>
  inWorld(undefined, async (world) => {
    world.operatorRoot = unusable('TrustRootUnavailable');
    assert.equal(told(world.compile(objectOf(policy()))), 'compiled');
  }));

test('what is worth knowing of the operator’s trust root is told by the policies that it counts for', () =>
  inWorld(undefined, async (world) => {
    world.operatorRoot = { ...rootOf('operator'), note: 'it may be outdated' };
    const [keyless, keyed] = [world.compile(objectOf(KEYLESS)), world.compile(objectOf(policy()), 'ImageVerification/web/other')];
    assert.deepEqual(keyless.status === 'compiled' && keyless.notes, ['it may be outdated']);
    assert.deepEqual(keyed.status === 'compiled' && keyed.notes, []);
  }));
