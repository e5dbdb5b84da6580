import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { COSIGN, OPERATOR } from '../../src/signatures/profile.ts';
import type { Limits, Profile } from '../../src/signatures/types.ts';
import { PROGRESS } from '../../src/verification/assess.ts';
import { DEFAULT_LIMITS } from '../../src/verification/limits.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/verified.md'), 'utf8');

/** The cells of the rows of the first table after a heading; the head is left out. */
function table(heading: string): readonly (readonly string[])[] {
  const [, section = ''] = PAGE.split(`\n## ${heading}\n`);
  const rows = section.split('\n');
  const start = rows.findIndex((row) => row.startsWith('|---'));
  const end = rows.findIndex((row, at) => at > start && !row.startsWith('|'));
  return rows.slice(start + 1, end).map((row) => row.split('|').slice(1, -1).map((cell) => cell.trim()));
}

const KIBI = 1024;
const MEBI = KIBI * KIBI;
const size = (bytes: number): string => (bytes >= MEBI ? `${bytes / MEBI} MiB` : `${bytes / KIBI} KiB`);
const count = String;
const seconds = (milliseconds: number): string => `${milliseconds / 1000} s`;

/** Each limit of a profile: its row, and how its value is written. */
const OF_PROFILES: Readonly<Record<keyof Limits, readonly [string, (value: number) => string]>> = {
  bundleBytes: ['bytes of a bundle', size],
  payloadBytes: ['bytes of a signed payload', size],
  attestationBytes: ['bytes of an attestation', size],
  logEntries: ['log entries of one signature', count],
  logBodyBytes: ["bytes of a log entry's body", size],
  timestamps: ['timestamps of one signature', count],
  timestampBytes: ['bytes of a timestamp', size],
  certificateBytes: ['bytes of a certificate', size],
  chain: ['certificates of one chain', count],
  checkpointBytes: ['bytes of a checkpoint', size],
  checkpointSignatures: ['signatures on a checkpoint', count],
  proofHashes: ['hashes of an inclusion proof', count],
  subjects: ['subjects of a statement', count],
  jsonDepth: ['depth of JSON', count],
};

describe('docs/verified.md', () => {
  test('has every limit of both profiles with its value', () => {
    const rows = new Map(table('Limits').map(([what = '', operator, cosign]) => [what, [operator, cosign]]));
    for (const [name, [row, written]] of Object.entries(OF_PROFILES) as [keyof Limits, readonly [string, (value: number) => string]][]) {
      assert.deepEqual(rows.get(row), [written(OPERATOR.limits[name]), written(COSIGN.limits[name])], row);
    }
  });

  test('has the bounds of one digest with their values', () => {
    const rows = new Map(table('Limits').map(([what = '', operator]) => [what, operator]));
    assert.equal(rows.get('signatures of one digest'), count(DEFAULT_LIMITS.signatures));
    assert.equal(rows.get('bytes of all signatures of one digest'), size(DEFAULT_LIMITS.digestBytes));
    assert.equal(rows.get('bytes of all attestations of one digest'), size(DEFAULT_LIMITS.attestationBytes));
    assert.equal(rows.get('processor time for one image under one policy'), seconds(DEFAULT_LIMITS.judgement));
    assert.equal(rows.get('time for all look-ups of one digest'), seconds(DEFAULT_LIMITS.lookup));
  });

  test('has a row for each member in which the two profiles differ, and for no other', () => {
    const differing = (Object.keys(OPERATOR) as (keyof Profile)[]).filter((name) => name !== 'name' && JSON.stringify(OPERATOR[name]) !== JSON.stringify(COSIGN[name]));
    assert.deepEqual(table('Differences from cosign').map(([name = '']) => name.replaceAll('`', '')).toSorted(), differing.toSorted());
  });

  test('names every reason for which a single signature can fail among the checks', () => {
    const named = new Set(table('The checks').flatMap((row) => [...(row.at(-1) ?? '').matchAll(/`(\w+)`/g)].map(([, reason]) => reason)));
    assert.deepEqual(PROGRESS.filter((reason) => !named.has(reason) && reason !== 'TrustRootUnavailable'), []);
  });
});
