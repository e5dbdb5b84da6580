import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { anonymousKeychain, dockerConfigKeychain, mergeKeychains, scopeOf, staticKeychain } from '../../../src/registry/keychain.ts';
import type { Keychain, RepositoryName } from '../../../src/registry/types.ts';
import { costOf } from '../../support/cost.ts';

const login = (user: string) => ({ username: user, password: `password of ${user}` });

/** A keychain with an entry for each key; the user name is the key itself. */
function keychain(...keys: readonly string[]): Keychain {
  const auths = Object.fromEntries(keys.map((key) => [key, login(key)]));
  return dockerConfigKeychain(Buffer.from(JSON.stringify({ auths })), 'config.json', 'test').keychain;
}

const at = (name: string): RepositoryName => ({ host: name.split('/', 1)[0] ?? '', path: name.slice(name.indexOf('/') + 1) });

const MATCHES: Record<string, readonly [readonly string[], string, string | undefined]> = {
  'a host matches all its repositories': [['reg.example'], 'reg.example/team/app', 'reg.example'],
  'another host does not match': [['reg.example'], 'evil.example/team/app', undefined],
  'a host that only begins the same does not match': [['reg.example'], 'reg.example.evil.example/app', undefined],
  'a subdomain does not match': [['example.com'], 'reg.example.com/app', undefined],
  'a longer path goes first, however they were written': [['reg.example', 'reg.example/team', 'reg.example/team/app'], 'reg.example/team/app', 'reg.example/team/app'],
  'a path matches what is below it': [['reg.example', 'reg.example/team'], 'reg.example/team/other', 'reg.example/team'],
  'a path matches whole segments only': [['reg.example', 'reg.example/team'], 'reg.example/teamwork/app', 'reg.example'],
  'another path does not match': [['reg.example/team'], 'reg.example/other/app', undefined],
  'a port must be equal': [['reg.example:5000'], 'reg.example:5001/app', undefined],
  'an entry without a port is not for a port': [['reg.example'], 'reg.example:5000/app', undefined],
  'an entry with a port is not for the host without': [['reg.example:5000'], 'reg.example/app', undefined],
  'a wildcard stands for one label': [['*.reg.example'], 'eu.reg.example/app', '*.reg.example'],
  'a wildcard does not stand for two labels': [['*.reg.example'], 'a.eu.reg.example/app', undefined],
  'a wildcard does not stand for no label': [['*.reg.example'], 'reg.example/app', undefined],
  'a wildcard within a label': [['eu-*.pkg.example'], 'eu-west1.pkg.example/app', 'eu-*.pkg.example'],
  'a host goes before a wildcard': [['*.reg.example', 'eu.reg.example'], 'eu.reg.example/app', 'eu.reg.example'],
  'a wildcard with a longer path goes before a host': [['eu.reg.example', '*.reg.example/team'], 'eu.reg.example/team/app', '*.reg.example/team'],
  'Docker Hub by its legacy key': [['https://index.docker.io/v1/'], 'docker.io/library/nginx', 'https://index.docker.io/v1/'],
  'Docker Hub by its host': [['index.docker.io'], 'docker.io/library/nginx', 'index.docker.io'],
  'Docker Hub by its short name': [['docker.io'], 'docker.io/library/nginx', 'docker.io'],
  'Docker Hub by the host of its API': [['registry-1.docker.io'], 'docker.io/library/nginx', 'registry-1.docker.io'],
  'a path at Docker Hub': [['docker.io', 'docker.io/acme'], 'docker.io/acme/app', 'docker.io/acme'],
  'the key of Docker Hub is for no other registry': [['https://index.docker.io/v1/'], 'ghcr.io/library/nginx', undefined],
  'an address with a port': [['127.0.0.1:5000'], '127.0.0.1:5000/app', '127.0.0.1:5000'],
  'an IPv6 address': [['[::1]:5000'], '[::1]:5000/app', '[::1]:5000'],
};

describe('a keychain of Docker credentials', () => {
  for (const [sentence, [keys, image, expected]] of Object.entries(MATCHES)) {
    it(sentence, async () => assert.equal((await keychain(...keys).lookup(at(image)))?.username, expected));
  }

  it('does not run credential helpers and says so', () => {
    const { notes, keychain: none } = dockerConfigKeychain(Buffer.from('{"credsStore": "evil"}'), 'config.json', 'secret team/pull');
    assert.equal(none, anonymousKeychain);
    assert.match(notes.join(), /secret team\/pull: credential helpers .* were ignored/);
  });

  it('matches wildcards as their meaning says, whatever the pattern', () => {
    const label = fc.string({ unit: fc.constantFrom('a', 'b', '-'), minLength: 1, maxLength: 12 });
    const glob = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '-'), minLength: 1, maxLength: 8 });
    return fc.assert(
      fc.asyncProperty(glob, label, async (pattern, text) => {
        const expected = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(text);
        const found = await keychain(`${pattern}.example`).lookup({ host: `${text}.example`, path: 'app' });
        assert.equal(found !== undefined, expected, `${pattern} ${text}`);
      }),
    );
  });

  it('matches a pattern made to be slow at once', () => {
    const cost = costOf(() => void keychain(`${'*a'.repeat(30)}*b.example`).lookup({ host: `${'a'.repeat(63)}.example`, path: 'app' }));
    assert.ok(cost < 500, `${cost} ms`);
  });
});

describe('the scope of a keychain', () => {
  it('is equal for equal credentials, in whatever order they were written', () => {
    assert.equal(keychain('a.example', 'b.example/team').scope, keychain('b.example/team', 'a.example').scope);
  });
  it('differs where a password differs', () => {
    assert.notEqual(staticKeychain({ username: 'ann', password: 'one' }).scope, staticKeychain({ username: 'ann', password: 'two' }).scope);
  });
  it('is anonymous where there are none', () => {
    assert.equal(keychain().scope, 'anonymous');
    assert.equal(mergeKeychains([anonymousKeychain, keychain()]).scope, 'anonymous');
  });
  it('is no plain hash of the password, and short', () => {
    const scope = scopeOf('password');
    assert.match(scope, /^[0-9a-f]{32}$/);
    for (const text of ['password', JSON.stringify('password')]) {
      assert.ok(!createHash('sha256').update(text).digest('hex').includes(scope));
    }
  });
});

describe('merged keychains', () => {
  const first = keychain('reg.example');
  const second = keychain('reg.example/team', 'other.example');
  it('are asked in order', async () => {
    assert.equal((await mergeKeychains([first, second]).lookup(at('reg.example/team/app')))?.username, 'reg.example');
    assert.equal((await mergeKeychains([first, second]).lookup(at('other.example/app')))?.username, 'other.example');
    assert.equal(await mergeKeychains([first, second]).lookup(at('third.example/app')), undefined);
  });
  it('have the scope of the only one that has credentials', () => {
    assert.equal(mergeKeychains([anonymousKeychain, first, first]).scope, first.scope);
    assert.notEqual(mergeKeychains([first, second]).scope, mergeKeychains([second, first]).scope);
  });
});

describe('credentials of the command line', () => {
  it('are for every registry, or for those that were named', async () => {
    assert.deepEqual(await staticKeychain(login('ann')).lookup(at('reg.example/app')), login('ann'));
    assert.equal(await staticKeychain(login('ann'), ['reg.example']).lookup(at('other.example/app')), undefined);
  });
});
