import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPullSecrets, type PullSecrets } from '../../../src/controllers/pull-secrets.ts';
import { errorFromStatus } from '../../../src/kube/api-error.ts';
import type { KubeObject } from '../../../src/kube/object.ts';
import { anonymousKeychain, staticKeychain } from '../../../src/registry/keychain.ts';
import type { Keychain } from '../../../src/registry/types.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { workload } from './builders.ts';
import { StandInClient } from './stand-ins.ts';

const APP = { host: 'ghcr.io', path: 'acme/app', name: 'ghcr.io/acme/app' };
const OPERATORS = staticKeychain({ username: 'operator', password: 'o' }, ['quay.io']);
const { signal } = new AbortController();

const basic = (username: string, host = 'ghcr.io'): object => ({ auths: { [host]: { auth: Buffer.from(`${username}:secret`).toString('base64') } } });
const secretOf = (name: string, data: Record<string, string>): KubeObject => ({ metadata: { name }, data } as KubeObject);
const modern = (name: string, username: string): KubeObject => secretOf(name, { '.dockerconfigjson': Buffer.from(JSON.stringify(basic(username))).toString('base64') });
const legacy = (name: string, username: string): KubeObject =>
  secretOf(name, { '.dockercfg': Buffer.from(JSON.stringify((basic(username) as { auths: object }).auths)).toString('base64') });
const account = (...names: string[]): KubeObject => ({ metadata: { name: 'default' }, imagePullSecrets: names.map((name) => ({ name })) } as KubeObject);

interface World {
  readonly keychain: PullSecrets;
  readonly client: StandInClient;
  readonly clock: ManualClock;
  readonly notes: string[];
}

/** What the API server has, by `plural/name`; an error is what it answers. */
function world(objects: Readonly<Record<string, KubeObject | Error>>, operators: Keychain = OPERATORS): World {
  const [client, clock] = [new StandInClient(), new ManualClock()];
  const notes: string[] = [];
  client.answer = ({ resource, ref }) => objects[`${resource.plural}/${ref.name}`] ?? errorFromStatus(`get ${resource.plural}`, 404, {});
  return { keychain: createPullSecrets({ client, clock, operators, onNote: (note) => notes.push(note) }), client, clock, notes };
}

const userFor = async (keychain: Keychain, repository = APP): Promise<unknown> => {
  const found = await keychain.lookup(repository);
  return found !== undefined && 'username' in found ? found.username : found;
};

const lookups: Record<string, { pullSecrets?: string[]; objects: Record<string, KubeObject | Error>; operators?: boolean; user: string | undefined; notes?: RegExp[] }> = {
  'the pull secret of its pods is used': { pullSecrets: ['a'], objects: { 'secrets/a': modern('a', 'pods') }, user: 'pods' },
  'the older form too': { pullSecrets: ['a'], objects: { 'secrets/a': legacy('a', 'older') }, user: 'older' },
  'the pull secrets of its service account are used': { objects: { 'serviceaccounts/default': account('b'), 'secrets/b': modern('b', 'account') }, user: 'account' },
  'those of its pods come first': { pullSecrets: ['a'], objects: { 'secrets/a': modern('a', 'pods'), 'serviceaccounts/default': account('b'), 'secrets/b': modern('b', 'account') }, user: 'pods' },
  'one that does not exist is passed over': { pullSecrets: ['gone', 'a'], objects: { 'secrets/a': modern('a', 'pods') }, user: 'pods', notes: [] },
  'without any, nobody is asked as anybody': { objects: {}, user: undefined },
  'one that may not be read is noted, and passed over': { pullSecrets: ['a'], objects: { 'secrets/a': errorFromStatus('get secrets "web/a"', 403, {}) }, user: undefined, notes: [/^pull secret web\/a cannot be read: get secrets/] },
  'a service account that may not be read is noted': { objects: { 'serviceaccounts/default': errorFromStatus('get serviceaccounts', 403, {}) }, user: undefined, notes: [/service account web\/default cannot be read/] },
  'a secret of another type is noted': { pullSecrets: ['a'], objects: { 'secrets/a': secretOf('a', { password: 'eHh4' }) }, user: undefined, notes: [/^Secret web\/a is named as a pull secret and has neither/] },
  'one that does not parse is noted, without its content': { pullSecrets: ['a'], objects: { 'secrets/a': secretOf('a', { '.dockerconfigjson': Buffer.from('{"hunter2"').toString('base64') }) }, user: undefined, notes: [/^(?!.*hunter2).*web\/a/] },
};
for (const [sentence, { pullSecrets = [], objects, operators = false, user, notes }] of Object.entries(lookups)) {
  test(sentence, async () => {
    const made = world(objects);
    const keychain = await made.keychain(workload([], { pullSecrets }), { operators, signal });
    assert.equal(await userFor(keychain), user);
    if (notes === undefined) return;
    assert.equal(made.notes.length, notes.length, made.notes.join('\n'));
    for (const [index, note] of notes.entries()) assert.match(made.notes[index] ?? '', note);
  });
}

test('the operator’s own credentials are there only for whoever may use them, after those of the workload', async () => {
  const { keychain } = world({ 'secrets/a': modern('a', 'pods') });
  const object = workload([], { pullSecrets: ['a'] });
  const quay = { host: 'quay.io', path: 'x', name: 'quay.io/x' };
  const [own, with_] = [await keychain(object, { operators: false, signal }), await keychain(object, { operators: true, signal })];
  assert.deepEqual([await userFor(own), await userFor(own, quay)], ['pods', undefined]);
  assert.deepEqual([await userFor(with_), await userFor(with_, quay)], ['pods', 'operator']);
  assert.notEqual(own.scope, with_.scope);
});

test('an operator without credentials makes no difference', async () => {
  const { keychain } = world({ 'secrets/a': modern('a', 'pods') }, anonymousKeychain);
  const object = workload([], { pullSecrets: ['a'] });
  assert.equal((await keychain(object, { operators: false, signal })).scope, (await keychain(object, { operators: true, signal })).scope);
});

test('they are read once a minute, together by all who ask', async () => {
  const { keychain, client, clock } = world({ 'serviceaccounts/default': account('b'), 'secrets/b': modern('b', 'account') });
  const look = (): Promise<Keychain[]> => Promise.all(Array.from({ length: 5 }, () => keychain(workload([]), { operators: false, signal })));
  await look();
  await look();
  assert.equal(client.calls.length, 2);
  clock.advance(60_000);
  await look();
  assert.equal(client.calls.length, 4);
});

test('secrets of one namespace are not those of another', async () => {
  const { keychain, client } = world({ 'secrets/a': modern('a', 'pods') });
  for (const namespace of ['web', 'shop']) await keychain(workload([], { namespace, pullSecrets: ['a'] }), { operators: false, signal });
  assert.deepEqual(client.calls.filter(({ resource }) => resource.plural === 'secrets').map(({ ref }) => ref.namespace), ['web', 'shop']);
});

test('sixteen secrets are read at most, each once', async () => {
  const { keychain, client } = world({});
  const pullSecrets = Array.from({ length: 40 }, (_, at) => `s${at % 30}`);
  await keychain(workload([], { pullSecrets }), { operators: false, signal });
  assert.equal(client.calls.filter(({ resource }) => resource.plural === 'secrets').length, 16);
});

for (const [what, objects] of Object.entries({
  'a secret': { 'secrets/a': errorFromStatus('get secrets', 503, {}) },
  'a service account': { 'serviceaccounts/default': errorFromStatus('get serviceaccounts', 500, {}) },
})) {
  test(`${what} that an API server which is away cannot give is not one that is not there`, async () => {
    const { keychain, client } = world(objects);
    const ask = (): Promise<Keychain> => keychain(workload([], { pullSecrets: ['a'] }), { operators: false, signal });
    await assert.rejects(ask());
    client.answer = ({ resource, ref }) => (resource.plural === 'secrets' ? modern(ref.name, 'back') : account());
    assert.equal(await userFor(await ask()), 'back');
  });
}

test('of what has no namespace only the operator has credentials: its pods have their own, in theirs', async () => {
  const { keychain, client } = world({ 'serviceaccounts/default': account('regcred') });
  const found = await keychain(workload([], { namespace: '', pullSecrets: ['regcred'] }), { operators: true, signal });
  assert.equal(await userFor(found, { ...APP, host: 'quay.io' }), 'operator');
  assert.deepEqual(client.calls, []);
});
