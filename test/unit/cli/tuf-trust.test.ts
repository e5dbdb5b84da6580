import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CliContext } from '../../../src/cli/context.ts';
import { summaryOf } from '../../../src/cli/trust.ts';
import { currentTrust } from '../../../src/cli/tuf-trust.ts';
import { embeddedTrustText } from '../../../src/signatures/trust-root.ts';
import type { TrustStoreOptions } from '../../../src/trust/refresh.ts';
import { TrustRefreshError, type RefreshedTrust } from '../../../src/trust/types.ts';
import { ManualClock, settled } from '../../support/manual-clock.ts';
import { world } from '../../support/signatures.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOW = 1_800_000_000_000;
const OWN = { TUF_MIRROR: 'https://tuf.corp.example', TUF_ROOT_JSON: 'root.json' };
const away = new TrustRefreshError('Unreachable', 'the TUF mirror could not be asked: ENOTFOUND');

const refreshed = (age: number, difference: Partial<RefreshedTrust> = {}): RefreshedTrust => ({
  text: world.trustedRootJson,
  versions: { root: 99, timestamp: 1, snapshot: 1, targets: 12 },
  expires: NOW + 24 * HOUR,
  refreshedAt: NOW - age,
  ...difference,
});

interface Setting {
  readonly env?: Record<string, string>;
  readonly last?: RefreshedTrust | Error;
  /** How long ago somebody tried. */
  readonly attempt?: number;
  readonly answer?: RefreshedTrust | Error | 'never';
}

async function ask({ env = {}, last, attempt, answer = away }: Setting, asked?: 'Refresh') {
  const clock = new ManualClock(NOW);
  const [notes, stores]: [string[], TrustStoreOptions[]] = [[], []];
  let refreshes = 0;
  const context: CliContext = {
    stdout: () => undefined,
    stderr: (text) => notes.push(text),
    env: { HOME: '/home/me', ...env },
    readFile: async (path) => (path === 'root.json' ? Buffer.from('{"first":"root"}') : Promise.reject(Object.assign(new Error('not there'), { code: 'ENOENT' }))),
    createRegistry: () => assert.fail('no registry is asked'),
    clock,
    setExitCode: () => undefined,
    trustStore: async (options) => {
      stores.push(options);
      return {
        lastGood: () => (last instanceof Error ? Promise.reject(last) : Promise.resolve(last)),
        lastAttempt: () => Promise.resolve(attempt === undefined ? undefined : NOW - attempt),
        refresh: () => {
          refreshes += 1;
          if (answer === 'never') return new Promise(() => undefined);
          return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
        },
      };
    },
  };
  const pending = currentTrust(context, asked);
  pending.catch(() => undefined);
  for (let turn = 0; turn < 5; turn += 1) await settled();
  if (answer === 'never') clock.advance(15_000);
  return { trust: await pending.catch((error: unknown) => error as Error), refreshes, notes: notes.join(''), store: stores[0] };
}

const textOf = (found: Awaited<ReturnType<typeof ask>>): string => (found.trust instanceof Error ? found.trust.message : found.trust.text === embeddedTrustText() ? 'embedded' : 'refreshed');

const ANSWERS: Record<string, [Setting, { text: string | RegExp; refreshes: number; notes?: RegExp }]> = {
  'the first run of all refreshes': [{ answer: refreshed(0) }, { text: 'refreshed', refreshes: 1 }],
  'what was refreshed today is used as it is': [{ last: refreshed(23 * HOUR) }, { text: 'refreshed', refreshes: 0 }],
  'what is a day old is refreshed': [{ last: refreshed(24 * HOUR), answer: refreshed(0) }, { text: 'refreshed', refreshes: 1 }],
  'what nobody vouches for any more is refreshed': [{ last: refreshed(HOUR, { expires: NOW }), answer: refreshed(0) }, { text: 'refreshed', refreshes: 1 }],
  'what is said to be of tomorrow is refreshed': [{ last: refreshed(-HOUR), answer: refreshed(0) }, { text: 'refreshed', refreshes: 1 }],
  'where the mirror cannot be reached, what is old is used, and said': [
    { last: refreshed(72 * HOUR) },
    { text: 'refreshed', refreshes: 1, notes: /^Note: the trusted root was not refreshed, that of 2027-01-12T.* is used: the TUF mirror could not be asked: ENOTFOUND; TUF_MIRROR=0 asks nobody\n$/ },
  ],
  'where nothing was ever refreshed, that of this version is used, and said': [{}, { text: 'embedded', refreshes: 1, notes: /^Note: the trusted root was not refreshed, the one of this version is used: / }],
  'a mirror that does not answer is not waited for': [{ answer: 'never' }, { text: 'embedded', refreshes: 1, notes: /did not finish within 15 s/ }],
  'after an attempt that failed the next runs do not wait for another': [{ attempt: 14 * MINUTE }, { text: 'embedded', refreshes: 0 }],
  'but not for long': [{ attempt: 16 * MINUTE, answer: refreshed(0) }, { text: 'refreshed', refreshes: 1 }],
  'what is kept and cannot be believed is said, and refreshed': [
    { last: new TrustRefreshError('Disk', 'last-good.json cannot be used'), answer: refreshed(0) },
    { text: 'refreshed', refreshes: 1, notes: /^Note: last-good\.json cannot be used\n$/ },
  ],
  'what is older than this version does not count': [{ last: refreshed(HOUR, { versions: { root: 5, timestamp: 1, snapshot: 1, targets: 1 } }) }, { text: 'embedded', refreshes: 0 }],
  'an instance of its own that was never reached has no root': [{ env: OWN, attempt: MINUTE }, { text: /could not be asked/, refreshes: 1 }],
  'an instance of its own has versions of its own': [{ env: OWN, last: refreshed(HOUR, { versions: { root: 1, timestamp: 1, snapshot: 1, targets: 1 } }) }, { text: 'refreshed', refreshes: 0 }],
  '0 in place of a mirror asks nobody': [{ env: { TUF_MIRROR: '0' }, answer: refreshed(0) }, { text: 'embedded', refreshes: 0 }],
  'without a folder nobody is asked': [{ env: { HOME: '' }, answer: refreshed(0) }, { text: 'embedded', refreshes: 0 }],
  'a mirror that is no URL is told': [{ env: { TUF_MIRROR: 'tuf.corp.example' } }, { text: /^TUF_MIRROR: "tuf\.corp\.example" is not/, refreshes: 0 }],
  'a first root that is not there is told': [{ env: { ...OWN, TUF_ROOT_JSON: 'gone.json' } }, { text: /^TUF_ROOT_JSON: gone\.json cannot be read/, refreshes: 0 }],
};

for (const [sentence, [setting, expected]] of Object.entries(ANSWERS)) {
  test(sentence, async () => {
    const found = await ask(setting);
    if (typeof expected.text === 'string') assert.equal(textOf(found), expected.text);
    else assert.match(textOf(found), expected.text);
    assert.equal(found.refreshes, expected.refreshes);
    assert.match(found.notes, expected.notes ?? /^$/);
  });
}

test('asked for a refresh it refreshes, whatever is kept, and says why it did not', async () => {
  const fine = await ask({ last: refreshed(HOUR), attempt: MINUTE, answer: refreshed(0) }, 'Refresh');
  assert.deepEqual([textOf(fine), fine.refreshes], ['refreshed', 1]);
  assert.match(textOf(await ask({ last: refreshed(HOUR) }, 'Refresh')), /could not be asked/);
  assert.match(textOf(await ask({ env: { TUF_MIRROR: 'off' } }, 'Refresh')), /turned off/);
});

const FOLDERS: Record<string, [Record<string, string>, string]> = {
  'is in the user’s cache': [{}, '/home/me/.cache/assay/trust'],
  'is in the cache that the user has elsewhere': [{ XDG_CACHE_HOME: '/cache' }, '/cache/assay/trust'],
  'is inside of TUF_ROOT, apart from cosign’s own files': [{ TUF_ROOT: '/tuf' }, '/tuf/assay'],
  'is the operator’s': [{ ASSAY_TUF_CACHE: '/c', TUF_ROOT: '/tuf' }, '/c'],
};

for (const [sentence, [env, directory]] of Object.entries(FOLDERS)) {
  test(`what is kept ${sentence}`, async () => assert.equal((await ask({ env })).store?.directory, directory));
}

test('mirror, first root and proxy are those of the environment', async () => {
  const { store } = await ask({ env: { ...OWN, HTTPS_PROXY: 'http://proxy:3128' } });
  assert.deepEqual(store?.repository, { mirror: 'https://tuf.corp.example', firstRoot: Buffer.from('{"first":"root"}') });
  assert.deepEqual(store.proxy, { HTTPS_PROXY: 'http://proxy:3128' });
  assert.match((await store.check('{}')) ?? '', /mediaType/);
  assert.equal(await store.check(world.trustedRootJson), undefined);
});

test('what is shown is where it is from and what is in it', () => {
  const text = summaryOf({ text: world.trustedRootJson, refreshed: refreshed(HOUR), mirror: 'https://tuf.test' });
  assert.match(text, /^Trusted root refreshed 2027-01-15T07:00:00Z from https:\/\/tuf\.test \(targets version 12\), vouched for until 2027-01-16T08:00:00Z\nCertificate authorities:\n {2}.*since 2021-/);
  assert.match(text, /Transparency logs:\n {2}https:\/\/rekor\.sigstore\.test {2}since/);
  assert.match(summaryOf({ text: embeddedTrustText() }), /^Trusted root of this version; nothing is refreshed\n/);
});
