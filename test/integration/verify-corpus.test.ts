import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import type { CliContext } from '../../src/cli/context.ts';
import { verify } from '../../src/cli/verify.ts';
import { createRegistryClient } from '../../src/registry/client.ts';
import { corpusRows } from '../support/corpus.ts';
import { skipWithoutReplay, startReplay } from '../support/replay-registry.ts';

interface Row {
  readonly id: string;
  readonly kind: string;
  readonly ref: string;
  readonly args: readonly string[];
  readonly expect: { readonly exit: number };
}
interface Recorded {
  readonly id: string;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}
interface Ran extends Recorded {
  readonly row: Row;
}
/** Runs every case of `verify` in a corpus through the command, against a registry on loopback that serves its images. */
async function runCorpus(name: string): Promise<readonly Ran[]> {
  const { host, folder, close } = await startReplay(name);
  try {
    const rows = (corpusRows(`corpus/${name}/cases.jsonl`) as unknown as Row[]).filter(({ kind }) => kind !== 'attestation');
    const ran: Ran[] = [];
    for (const row of rows) {
      let [stdout, stderr] = ['', ''];
      const context: CliContext = {
        stdout: (text) => (stdout += text),
        stderr: (text) => (stderr += text),
        env: {},
        readFile: (path) => readFile(join(folder, path)),
        createRegistry: createRegistryClient,
        clock: systemClock,
        setExitCode: () => undefined,
      };
      const code = await verify([...row.args, `${host}/${row.ref}`], context);
      ran.push({ id: row.id, row, code, stdout: stdout.replaceAll(host, 'REGISTRY'), stderr: stderr.replaceAll(host, 'REGISTRY') });
    }
    return ran;
  } finally {
    await close();
  }
}

function recorded(name: string): ReadonlyMap<string, Recorded> {
  return new Map((corpusRows(`corpus/${name}/recorded.jsonl`) as unknown as Recorded[]).map((one) => [one.id, one]));
}

function accepted(ran: readonly Ran[], kind: RegExp): readonly Ran[] {
  return ran.filter(({ row }) => kind.test(row.kind) && row.expect.exit === 0);
}

for (const name of ['signatures', 'cosign-local']) {
  const skip = skipWithoutReplay(name);
  test(`${name}: what cosign says of genuine and tampered images`, { skip, timeout: 300_000 }, async (t) => {
    const ran = await runCorpus(name);
    const before = recorded(name);

    await t.test('nothing is accepted that cosign refuses', () => {
      const wrongly = ran.filter(({ code, row }) => code === 0 && row.expect.exit !== 0).map(({ id }) => id);
      assert.deepEqual(wrongly, []);
    });

    await t.test('everything is accepted that cosign accepts', () => {
      const wrongly = ran.filter(({ code, row }) => code !== 0 && row.expect.exit === 0).map(({ id, stderr }) => `${id}: ${stderr}`);
      assert.deepEqual(wrongly, []);
      const kinds = name === 'signatures' ? { legacy: 219, 'bundle-keyless': 9 } : { legacy: 15, bundle: 22 };
      for (const [kind, count] of Object.entries(kinds)) assert.equal(accepted(ran, new RegExp(`^${kind}(?:-key|-keyless)?$`)).length, count, kind);
    });

    await t.test('exit codes are those of cosign', () => {
      const wrong = ran.filter(({ code, row }) => code !== row.expect.exit).map(({ id, code, row }) => `${id}: ${code}, cosign ${row.expect.exit}`);
      assert.deepEqual(wrong, []);
    });

    await t.test('stdout is what cosign prints, byte for byte', () => {
      for (const { id, stdout } of ran) assert.equal(stdout, before.get(id)?.stdout, id);
    });

    await t.test('stderr of an accepted image is what cosign prints, but for the note where the operator would refuse', () => {
      for (const { id, stderr } of accepted(ran, /./)) {
        assert.equal(stderr.replace(/^Note: .*\n/m, ''), before.get(id)?.stderr, id);
      }
    });

    await t.test('stderr of a refused image ends in cosign’s two lines', () => {
      for (const { id, stderr } of ran.filter(({ row }) => row.expect.exit !== 0)) {
        assert.match(stderr, /^Error: ([^]+)\nerror during command execution: \1\n$/m, id);
      }
    });
  });
}
