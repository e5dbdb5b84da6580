import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import type { CliContext } from '../../src/cli/context.ts';
import { verify, verifyAttestation } from '../../src/cli/verify.ts';
import { createRegistryClient } from '../../src/registry/client.ts';
import { corpusRows } from './corpus.ts';
import type { RegistryConditions } from './replay-registry.ts';
import { startReplay } from './replay-registry.ts';

/** One line of a corpus' `cases.jsonl`. */
export interface CorpusRow {
  readonly id: string;
  readonly kind: string;
  readonly ref: string;
  readonly args: readonly string[];
  readonly expect: { readonly exit: number; readonly errorContains?: readonly string[] };
}

/** What a command printed, the registry's address as `REGISTRY`. */
export interface Printed {
  readonly id: string;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What ours printed for a case, and what the real cosign did. */
export interface Ran extends Printed {
  readonly row: CorpusRow;
  readonly cosign: Printed;
}

/** The signature corpora, with how many cases each has. */
export const CORPORA = { signatures: 788, 'cosign-local': 126 } as const;

/**
 * Runs every case of a corpus through its command, in this process, against a registry on loopback that serves its images. `tell`
 * hears how many are done.
 */
export async function runCorpus(name: string, conditions: RegistryConditions, tell: (done: number, all: number) => void = () => undefined): Promise<readonly Ran[]> {
  const { host, folder, close } = await startReplay(name, conditions);
  const recorded = new Map((corpusRows(`corpus/${name}/recorded.jsonl`) as unknown as Printed[]).map((one) => [one.id, one]));
  const rows = corpusRows(`corpus/${name}/cases.jsonl`) as unknown as CorpusRow[];
  const settled = (text: string): string => text.replaceAll(host, 'REGISTRY');
  try {
    const ran: Ran[] = [];
    for (const row of rows) {
      const { code, stdout, stderr } = await runRow(row, host, folder);
      const cosign = recorded.get(row.id);
      assert.ok(cosign !== undefined, row.id);
      ran.push({ id: row.id, row, cosign, code, stdout: settled(stdout), stderr: settled(stderr) });
      tell(ran.length, rows.length);
    }
    return ran;
  } finally {
    await close();
  }
}

async function runRow({ kind, args, ref }: CorpusRow, host: string, folder: string): Promise<Omit<Printed, 'id'>> {
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
  const command = kind === 'attestation' ? verifyAttestation : verify;
  const code = await command([...args, `${host}/${ref}`], context);
  return { code, stdout, stderr };
}

/** Words in any order, as cosign tells the errors of several signatures, and without our notes on what the operator would say. */
export function bagOfWords(text: string): string {
  return text.replaceAll(/^Note: .*\n/gm, '').split(/\s+/).toSorted().join(' ');
}
