import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { UsageError } from '../../src/app/options.ts';
import { createOperatorTrust, readTrustFiles } from '../../src/app/trust.ts';
import type { OperatorTrust } from '../../src/app/trust.ts';
import type { TrustOptions } from '../../src/app/trust-options.ts';
import { describeTrust, embeddedTrustSource } from '../../src/signatures/trust-recipe.ts';
import type { TrustOrigin, TrustResult } from '../../src/telemetry/trust-series.ts';
import { ManualClock, settled } from '../support/manual-clock.ts';
import { createWorld } from '../support/sigstore/world.ts';
import { startTufMirror } from '../support/tuf-mirror.ts';
import type { TufClientOptions, TufMirror } from '../support/tuf-mirror.ts';
import { until } from '../support/until.ts';

const HOUR = 3_600_000;
const [old, newer] = [createWorld({ name: 'old.test' }).trustedRootJson, createWorld({ name: 'newer.test' }).trustedRootJson];

let folder: string;
let mirror: TufMirror;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'assay-trust-'));
  mirror = await startTufMirror(folder);
});

after(async () => {
  await mirror.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Running {
  readonly trust: OperatorTrust;
  readonly clock: ManualClock;
  readonly attempts: TrustResult[];
  readonly origins: TrustOrigin[];
  readonly logged: string[];
  text(): string;
  problem(): string | undefined;
  changes(): number;
  stop(): Promise<void>;
}

async function running(options: TrustOptions, clock = new ManualClock(Date.now())): Promise<Running> {
  const [attempts, origins, logged]: [TrustResult[], TrustOrigin[], string[]] = [[], [], []];
  const note = (level: string) => (message: string) => void logged.push(`${level}: ${message}`);
  const trust = await createOperatorTrust({
    files: readTrustFiles(options),
    clock,
    log: { error: note('error'), warn: note('warn'), info: note('info'), debug: note('debug') } as never,
    observer: { attempt: (result) => attempts.push(result), origin: (origin) => origins.push(origin), refreshed: () => undefined },
    describe: async (source) => describeTrust(source),
  });
  let changes = 0;
  trust.onChange(() => {
    changes += 1;
  });
  for (const component of trust.components) await component.start(new AbortController().signal);
  return {
    trust,
    clock,
    attempts,
    origins,
    logged,
    text: () => trust.current().source.text,
    problem: () => {
      const { description } = trust.current();
      return 'problem' in description ? description.reason : undefined;
    },
    changes: () => changes,
    stop: async () => {
      for (const component of trust.components) await component.stop(5000);
    },
  };
}

const own = ({ tufMirrorURL, tufRootPath }: TufClientOptions, cache?: string): TrustOptions => ({
  tuf: { mirror: tufMirrorURL, root: tufRootPath, proxy: {}, ...(cache === undefined ? {} : { cache }) },
});

test('an instance of its own counts from its first refresh on, and whoever listens is told', async () => {
  const run = await running(own(mirror.publish(old)));
  assert.equal(run.problem(), 'TrustRootUnavailable');
  await until(() => run.attempts.length === 1, 'an attempt');
  assert.deepEqual([run.text(), run.problem(), run.changes(), run.attempts], [old, undefined, 1, ['ok']]);
  assert.deepEqual(run.origins, ['none', 'refreshed']);
  await run.stop();
});

test('a newer one counts as soon as it was fetched, some hours later, without a restart', async () => {
  const client = mirror.publish(old);
  const run = await running(own(client));
  await until(() => run.attempts.length === 1, 'an attempt');
  mirror.republish(client, newer, { version: 2 });
  await settled();
  run.clock.advance(6 * HOUR);
  await until(() => run.attempts.length === 2, 'an attempt');
  assert.deepEqual([run.text(), run.changes()], [newer, 2]);
  await run.stop();
});

test('after a restart what was kept counts at once, with the mirror away', async () => {
  const cache = join(folder, 'kept');
  const gone = await startTufMirror(mkdtempSync(join(folder, 'gone-')));
  const client = gone.publish(old);
  const first = await running(own(client, cache));
  await until(() => first.attempts.length === 1, 'an attempt');
  await first.stop();
  await gone.stop();
  const second = await running(own(client, cache));
  assert.equal(second.text(), old);
  await until(() => second.attempts.length === 1, 'an attempt');
  assert.deepEqual([second.attempts, second.text()], [['Unreachable'], old]);
  await second.stop();
});

test('a mirror that cannot be reached is told once, and that it is back', async () => {
  const client = mirror.publish(old, { empty: true });
  const run = await running(own(client));
  for (const [at, level] of ['warn', 'debug', 'debug'].entries()) {
    await until(() => run.attempts.length === at + 1, 'an attempt');
    assert.equal(run.logged.at(-1), `${level}: the trust root could not be refreshed; the one at hand goes on being used, and it is tried again quietly`);
    await settled();
    run.clock.advance(6 * HOUR);
  }
  mirror.republish(client, old);
  await settled();
  run.clock.advance(6 * HOUR);
  await until(() => run.logged.at(-1) === 'info: the trust root was refreshed', 'the word that it is back');
  assert.equal(run.text(), old);
  await run.stop();
});

test('a mirror of the public-good instance that is not believed leaves what this build has', async () => {
  const run = await running({ tuf: { mirror: mirror.publish(old).tufMirrorURL, proxy: {} } });
  await until(() => run.attempts.length === 1, 'an attempt');
  assert.deepEqual([run.attempts, run.text(), run.changes()], [['Rejected'], embeddedTrustSource().text, 0]);
  assert.deepEqual(run.origins, ['embedded']);
  await run.stop();
});

test('what was kept and cannot be believed is told, and does not count', async () => {
  const cache = join(folder, 'spoilt');
  const client = mirror.publish(old);
  const first = await running(own(client, cache));
  await until(() => first.attempts.length === 1, 'an attempt');
  await first.stop();
  const record = join(cache, readdirSync(cache)[0] ?? '', 'last-good.json');
  writeFileSync(record, readFileSync(record, 'utf8').replace('old.test', 'bad.test'));
  const second = await running(own(client, cache));
  assert.equal(second.problem(), 'TrustRootUnavailable');
  assert.equal(second.logged[0], 'warn: the trust root that was kept is not used');
  await until(() => second.attempts.length === 1, 'an attempt');
  assert.equal(second.text(), old);
  await second.stop();
});

test('a root that grows too old no longer counts, until the mirror is back', async () => {
  const client = mirror.publish(old);
  const { tuf } = own(client);
  assert.ok(tuf);
  const run = await running({ tuf: { ...tuf, maxAge: 48 * HOUR } });
  await until(() => run.attempts.length === 1, 'an attempt');
  mirror.republish(client, old, { empty: true });
  for (let hours = 0; hours <= 48; hours += 6) {
    await settled();
    run.clock.advance(6 * HOUR);
  }
  assert.equal(run.problem(), 'TrustRootExpired');
  mirror.republish(client, old, { version: 2 });
  await until(() => {
    run.clock.advance(6 * HOUR);
    return run.problem() === undefined;
  }, 'the refreshed root to count');
  await run.stop();
});

test('a folder that nobody named is gone at the end', async () => {
  const before = new Set(readdirSync(tmpdir()));
  const run = await running(own(mirror.publish(old)));
  await until(() => run.attempts.length === 1, 'an attempt');
  const made = readdirSync(tmpdir()).filter((name) => name.startsWith('assay-trust-') && !before.has(name));
  await run.stop();
  assert.ok(made.length > 0);
  assert.ok(made.some((name) => !existsSync(join(tmpdir(), name))));
});

test('a file is not refreshed', async () => {
  const file = join(folder, 'trusted_root.json');
  writeFileSync(file, old);
  const run = await running({ file });
  assert.deepEqual([run.text(), run.trust.components, run.origins], [old, [], ['file']]);
  const off = await running({});
  assert.deepEqual([off.text(), off.trust.components, off.origins], [embeddedTrustSource().text, [], ['embedded']]);
});

const REFUSED: Record<string, [() => TrustOptions, RegExp]> = {
  'a file that is not there': [() => ({ file: '/nowhere/root.json' }), /^--trusted-root: \/nowhere\/root\.json cannot be used/],
  'a file that is no trusted root': [() => ({ file: mirror.publish(old).tufRootPath }), /^--trusted-root: .* cannot be used: the trusted root/],
  'a first root that is not there': [() => ({ tuf: { mirror: 'https://tuf', root: '/nowhere/root.json', proxy: {} } }), /^--tuf-root: \/nowhere\/root\.json cannot be used/],
  'a first root that is none': [
    () => {
      const file = join(folder, 'no-root.json');
      writeFileSync(file, old);
      return { tuf: { mirror: 'https://tuf', root: file, proxy: {} } };
    },
    /^--tuf-root: .* it is not root metadata of TUF/,
  ],
};

for (const [sentence, [options, message]] of Object.entries(REFUSED)) {
  test(`${sentence} ends the start, in a sentence`, () => {
    assert.throws(() => readTrustFiles(options()), (error: unknown) => error instanceof UsageError && message.test(error.message));
  });
}
