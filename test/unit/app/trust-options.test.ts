import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOptions, UsageError } from '../../../src/app/options.ts';
import { PUBLIC_GOOD_MIRROR } from '../../../src/trust/public-good.ts';

const read = (given: Record<string, string>, env: Record<string, string> = {}) => readOptions(given, env, () => undefined).trust;

const READ: Record<string, [Record<string, string>, object]> = {
  'the public-good instance is refreshed unless told otherwise': [{}, { tuf: { mirror: PUBLIC_GOOD_MIRROR, proxy: {} } }],
  'a mirror of it has no root of its own': [{ tufMirror: 'https://tuf.corp.example/sigstore/' }, { tuf: { mirror: 'https://tuf.corp.example/sigstore', proxy: {} } }],
  'an instance of its own has': [{ tufMirror: 'http://tuf.local', tufRoot: '/r.json' }, { tuf: { mirror: 'http://tuf.local', root: '/r.json', proxy: {} } }],
  'what was refreshed may be kept, and must not be too old': [{ tufCache: '/c', maxTrustAge: '720h' }, { tuf: { mirror: PUBLIC_GOOD_MIRROR, cache: '/c', maxAge: 2_592_000_000, proxy: {} } }],
  'any age is the default, and can be said': [{ maxTrustAge: '0' }, { tuf: { mirror: PUBLIC_GOOD_MIRROR, proxy: {} } }],
  '0 turns refreshing off': [{ tufMirror: '0' }, {}],
  'off too': [{ tufMirror: 'off' }, {}],
  'a file is not refreshed': [{ trustedRoot: '/t.json' }, { file: '/t.json' }],
  'nor where that is said': [{ trustedRoot: '/t.json', tufMirror: '0' }, { file: '/t.json' }],
};

for (const [sentence, [given, expected]] of Object.entries(READ)) {
  test(sentence, () => assert.deepEqual(read(given), expected));
}

test('proxies are those of the environment', () => {
  const env = { HTTPS_PROXY: 'http://proxy:3128', no_proxy: '.corp.example', ALL_PROXY: 'socks5://no', http_proxy: '' };
  assert.deepEqual(read({}, env), { tuf: { mirror: PUBLIC_GOOD_MIRROR, proxy: { HTTPS_PROXY: 'http://proxy:3128', no_proxy: '.corp.example' } } });
});

const REFUSED: Record<string, [Record<string, string>, RegExp]> = {
  'a mirror that is no URL': [{ tufMirror: 'tuf.corp.example' }, /^--tuf-mirror: "tuf\.corp\.example" is not the https or http URL/],
  'a mirror of another protocol': [{ tufMirror: 'file:///tuf' }, /^--tuf-mirror: /],
  'credentials in the URL, which would be logged': [{ tufMirror: 'https://me:secret@tuf' }, /^--tuf-mirror: /],
  'a mirror beside a file': [{ trustedRoot: '/t.json', tufMirror: 'https://tuf' }, /^--tuf-mirror: it excludes --trusted-root/],
  'a root without its mirror': [{ tufRoot: '/r.json' }, /^--tuf-root: it needs --tuf-mirror/],
  'a folder for what is not refreshed': [{ trustedRoot: '/t.json', tufCache: '/c' }, /^--tuf-cache: it has no effect, because the file of --trusted-root is not refreshed/],
  'an age of what is not refreshed': [{ tufMirror: '0', maxTrustAge: '24h' }, /^--max-trust-age: it has no effect, because --tuf-mirror=0 turns refreshing off/],
  'an age that every root has soon': [{ maxTrustAge: '5m' }, /^--max-trust-age: 5m is out of bounds/],
  'an age that is none': [{ maxTrustAge: 'old' }, /^--max-trust-age: "old" is not a duration/],
};

for (const [sentence, [given, message]] of Object.entries(REFUSED)) {
  test(`refused: ${sentence}`, () => {
    assert.throws(() => read(given), (error: unknown) => error instanceof UsageError && message.test(error.message));
  });
}
