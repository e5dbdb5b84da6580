import assert from 'node:assert/strict';
import test from 'node:test';
import { RegistryError } from '../../../src/registry/types.ts';
import { plain } from '../../../src/telemetry/redact.ts';

const SECRET = 'hunter2-S3CR3T-value';
const JWT = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJl';

class Keychain {
  readonly inner = { anything: SECRET };
}

const HIDDEN: Record<string, unknown> = {
  'a password': { password: SECRET },
  'a registry password under any case': { registryPassword: SECRET, Passwd: SECRET },
  'a token of any name': { token: SECRET, identityToken: SECRET, refresh_token: SECRET, bearerToken: SECRET },
  'an authorization header': { headers: { Authorization: SECRET, 'Proxy-Authorization': SECRET } },
  'a docker config': { auths: { 'ghcr.io': { auth: SECRET } } },
  'a cookie': { cookie: SECRET, 'set-cookie': [SECRET] },
  'a list of credentials': { credentials: [{ user: 'a', pass: SECRET }] },
  'the data of a Secret': { kind: 'Secret', metadata: { name: 'a' }, data: { 'cosign.pub': SECRET } },
  'the stringData of a Secret': { kind: 'Secret', stringData: { 'cosign.pub': SECRET } },
  'a Secret in a list': { items: [{ kind: 'Secret', data: { a: SECRET } }] },
  'an instance of a class': { keychain: new Keychain() },
  'bytes': { body: Buffer.from(SECRET) },
  'headers': { headers: new Headers({ authorization: `Bearer ${SECRET}` }) },
  'a map': { map: new Map([['token', SECRET]]) },
  'a private key in text': { text: `-----BEGIN EC PRIVATE KEY-----\n${SECRET}\n-----END EC PRIVATE KEY-----` },
  'a private key that is cut': { text: `${'x'.repeat(1000)}-----BEGIN PRIVATE KEY-----\n${SECRET}` },
  'a bearer value in text': { text: `sent Authorization: Bearer ${SECRET} to it` },
  'a basic value in text': { text: `Basic ${Buffer.from(`user:${SECRET}`).toString('base64')}` },
  'user and password in a URL': { text: `GET https://user:${SECRET}@registry.example/v2/` },
  'a token in text': { text: `token ${JWT} rejected` },
  'an error message': { error: new Error(`GET https://user:${SECRET}@registry.example/v2/ failed`) },
  'the message of a cause': {
    error: new RegistryError('Unavailable', 'no answer', { cause: new Error(`Bearer ${SECRET}`) }),
  },
  'members that an error has beside its message': {
    error: Object.assign(new Error('no answer'), { request: { headers: { authorization: SECRET } }, opaque: SECRET }),
  },
};

for (const [what, value] of Object.entries(HIDDEN)) {
  test(`${what} is not shown`, () => {
    const shown = JSON.stringify(plain(value));
    assert.ok(!shown.includes(SECRET), shown);
    assert.ok(!shown.includes(Buffer.from(`user:${SECRET}`).toString('base64')), shown);
    assert.ok(!shown.includes(JWT), shown);
  });
}

const SHOWN: Record<string, unknown> = {
  'an image with a digest': { image: `ghcr.io/acme/web:1.4@sha256:${'a'.repeat(64)}` },
  'a reference to a Secret': { secretRef: { name: 'release-pub', key: 'cosign.pub' } },
  'the name of a pull secret': { secretName: 'pull', imagePullSecrets: [{ name: 'pull' }] },
  'words about authentication': { text: 'Basic authentication is wanted, bearer challenge refused' },
  'a URL': { url: 'https://registry.example:5000/v2/acme/web/manifests/1.4' },
  'a public key': { text: '-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----' },
  'numbers, booleans, nothing': { number: 1.5, boolean: false, nothing: null },
  'whether there is a token': { token: true },
};

for (const [what, value] of Object.entries(SHOWN)) {
  test(`${what} is shown as it is`, () => assert.deepEqual(plain(value), value));
}
