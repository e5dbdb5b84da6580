import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DockerConfigError, parseDockerConfig, type DockerConfigErrorCode, type DockerConfigFormat } from '../../../src/registry/docker-config.ts';
import type { Credentials } from '../../../src/registry/types.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const parse = (config: unknown, format: DockerConfigFormat = 'config.json') => parseDockerConfig(Buffer.from(JSON.stringify(config)), format, 'secret team/pull');

const ENTRIES: Record<string, readonly [unknown, Credentials]> = {
  'auth is the base64 of user and password': [{ auth: base64('ann:secret') }, { username: 'ann', password: 'secret' }],
  'a password may have colons': [{ auth: base64('ann:a:b:c') }, { username: 'ann', password: 'a:b:c' }],
  'a password may be empty': [{ auth: base64('ann:') }, { username: 'ann', password: '' }],
  'a padded password loses its NULs': [{ auth: base64('ann:secret\0\0') }, { username: 'ann', password: 'secret' }],
  'username and password in clear': [{ username: 'ann', password: 'secret' }, { username: 'ann', password: 'secret' }],
  'auth goes before username and password': [{ auth: base64('ann:one'), username: 'bob', password: 'two' }, { username: 'ann', password: 'one' }],
  'an identity token goes before a password': [{ auth: base64('ann:secret'), identitytoken: 'refresh' }, { identityToken: 'refresh' }],
  'a registry token goes before everything': [{ auth: base64('ann:secret'), registrytoken: 'bearer' }, { registryToken: 'bearer' }],
  'the user <token> has an identity token as password': [{ auth: base64('<token>:refresh') }, { identityToken: 'refresh' }],
};

const NOTES: Record<string, readonly [unknown, RegExp]> = {
  'auth that is not base64': [{ auth: 'not base64!' }, /"reg\.example" has an auth field that is not the base64 of user:password$/],
  'auth without a colon': [{ auth: base64('secret') }, /is not the base64 of user:password$/],
  'an empty entry': [{}, /"reg\.example" holds no credentials$/],
  'an entry that is no object': ['secret', /"reg\.example" is not an object$/],
  'a registry token with a line break': [{ registrytoken: 'a\r\nHost: evil' }, /registrytoken with characters that no header can carry$/],
  'a secret of 65 KiB': [{ username: 'ann', password: 'x'.repeat(65 * 1024) }, /is too large$/],
};

const PLACES: Record<string, readonly [string, string]> = {
  'gcr.io': ['gcr.io', ''],
  'https://gcr.io': ['gcr.io', ''],
  'http://Reg.Example:5000/': ['reg.example:5000', ''],
  'https://index.docker.io/v1/': ['index.docker.io', ''],
  'https://reg.example/v2/': ['reg.example', ''],
  'https://reg.example/v2': ['reg.example', ''],
  'reg.example/team/app': ['reg.example', 'team/app'],
  'reg.example/v2/team/': ['reg.example', 'team'],
  'reg.example:443': ['reg.example', ''],
  '*.acme.example': ['*.acme.example', ''],
  '[::1]:5000': ['[::1]:5000', ''],
};

const ERRORS: Record<string, readonly [string, DockerConfigErrorCode]> = {
  'text that is not JSON': ['{"auths": {"r": {"auth": "c2VjcmV0OnBhc3N3b3Jk"', 'NotJson'],
  'a list': ['[]', 'Malformed'],
  'auths that is no object': ['{"auths": ["c2VjcmV0OnBhc3N3b3Jk"]}', 'Malformed'],
  'more than a MiB': [`{"auths": {"x": "c2VjcmV0OnBhc3N3b3Jk${' '.repeat(1024 * 1024)}"}}`, 'TooLarge'],
  'more than 1,000 entries': [JSON.stringify({ auths: Object.fromEntries(Array.from({ length: 1001 }, (_, at) => [`r${at}`, {}])) }), 'TooLarge'],
};

describe('a Docker config file', () => {
  for (const [sentence, [entry, expected]] of Object.entries(ENTRIES)) {
    it(sentence, () => assert.deepEqual(parse({ auths: { 'reg.example': entry } }).entries[0]?.credentials, expected));
  }
  for (const [sentence, [entry, expected]] of Object.entries(NOTES)) {
    it(`is used without ${sentence}, and says so`, () => {
      const { entries, notes } = parse({ auths: { 'reg.example': entry, 'good.example': { auth: base64('ann:pw') } } });
      assert.deepEqual(entries.map(({ host }) => host), ['good.example']);
      assert.equal(notes.length, 1);
      assert.match(notes[0] ?? '', /^secret team\/pull: the entry /);
      assert.match(notes[0] ?? '', expected);
    });
  }
  for (const [key, [place, path]] of Object.entries(PLACES)) {
    it(`reads the key ${key}`, () => {
      const [entry] = parse({ auths: { [key]: { auth: base64('ann:pw') } } }).entries;
      assert.equal(`${entry?.host}${entry?.port === undefined ? '' : `:${entry.port}`}`, place);
      assert.equal(entry?.path, path);
    });
  }
  for (const [sentence, [text, code]] of Object.entries(ERRORS)) {
    it(`is refused if it is ${sentence}, in words that hold nothing of it`, () => {
      assert.throws(
        () => parseDockerConfig(Buffer.from(text), 'config.json', 'secret team/pull'),
        (thrown) => thrown instanceof DockerConfigError && thrown.code === code && !/c2Vj|"r"|auth"/.test(`${thrown.message} ${String(thrown.cause)}`),
      );
    });
  }
  it('of the older form has no auths around its entries', () => {
    const { entries } = parse({ 'reg.example': { auth: base64('ann:pw') } }, 'dockercfg');
    assert.equal(entries[0]?.host, 'reg.example');
  });
  it('without auths has no entries', () => assert.deepEqual(parse({}).entries, []));
  it('names the credential helpers, and its empty entries are theirs', () => {
    const { helpers, notes } = parse({ auths: { 'reg.example': {} }, credsStore: 'desktop', credHelpers: { 'https://Gcr.io/': 'gcloud' } });
    assert.deepEqual([...helpers], [['', 'desktop'], ['gcr.io', 'gcloud']]);
    assert.deepEqual(notes, []);
  });
});
