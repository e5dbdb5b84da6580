import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePublicKeys } from '../../src/signatures/public-key.ts';
import { costOf } from '../support/cost.ts';
import { asking, found, IMAGE, outcome, release, world } from '../support/signatures.ts';

/*
 * CVE-2024-12401: PEM of the right shape took a reader quadratic time. Anybody who can push a signature, or write a Secret that a policy names, chooses
 * such texts here: they are read in one pass, whatever they hold, or are too long to be read at all.
 */

const BOUND = 25;
const KIB = 1024;
const filled = (piece: string, size: number): string => piece.repeat(Math.ceil(size / piece.length)).slice(0, size);

/** Of the size that is still read: 64 KiB of keys, 32 KiB of certificate. */
const TEXTS: Readonly<Record<string, string>> = {
  'beginnings without an end': '-----BEGIN CERTIFICATE-----\n',
  'beginnings with a body and no end': '-----BEGIN CERTIFICATE-----\nAAAA\n',
  'beginnings of two kinds in turn': '-----BEGIN PUBLIC KEY----------BEGIN CERTIFICATE-----',
  'dashes': '-',
  'four dashes and a letter': '----B',
  'a label that goes on': '-----BEGIN A A A A A A A A A A A A A A A A A A A A ',
  'ends without a beginning': '-----END CERTIFICATE-----\n',
  'blocks of blanks': `-----BEGIN CERTIFICATE-----${' '.repeat(200)}-----END CERTIFICATE-----`,
  'tiny blocks': '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n',
};

describe('CVE-2024-12401: PEM is read at once', () => {
  for (const [what, piece] of Object.entries(TEXTS)) {
    test(`${what}, in a policy's key`, () => {
      const text = filled(piece, 64 * KIB);
      assert.ok(costOf(() => assert.throws(() => parsePublicKeys(text))) < BOUND);
    });
    test(`${what}, in the certificate of a signature`, () => {
      const signature = world.legacySignature(release, IMAGE);
      const candidate = found({ ...signature, annotations: { ...signature.annotations, 'dev.sigstore.cosign/certificate': filled(piece, 32 * KIB) } });
      assert.ok(costOf(() => assert.ok(outcome(candidate, asking()) instanceof Error)) < BOUND);
    });
    test(`${what}, where the log says who signed`, () => {
      const content = Buffer.from(filled(piece, 60 * KIB)).toString('base64');
      const body = (plain: Readonly<Record<string, unknown>>): Record<string, unknown> => {
        const { spec, ...rest } = plain as { spec: { signature: object } };
        return { ...rest, spec: { ...spec, signature: { ...spec.signature, publicKey: { content } } } };
      };
      const candidate = found(world.legacySignature(release, IMAGE, { body }));
      assert.ok(costOf(() => assert.ok(outcome(candidate, asking()) instanceof Error)) < BOUND);
    });
  }
});
