import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toTrustMaterial } from '@sigstore/verify';
import type { TrustMaterial } from '@sigstore/verify';
import { embeddedTrustText, loadTrustRoot } from '../../../src/signatures/trust-root.ts';
import type { Log } from '../../../src/signatures/trust-root.ts';
import { world } from '../../support/signatures.ts';
import { generateKey } from '../../support/sigstore/keys.ts';

const SHARED = resolve(import.meta.dirname, '../../../../shared/corpus');
const FILES = globSync('*/trust/*.json', { cwd: SHARED }).toSorted();

/** A key of each kind that a log may have, as its details name it. */
const KEYS = { PKIX_ECDSA_P256_SHA_256: 'P-256', PKIX_ECDSA_P384_SHA_384: 'P-384', PKIX_ED25519: 'Ed25519' } as const;

function withKeys(): string {
  const root = world.trustedRoot();
  const [one] = root.tlogs;
  const tlogs = Object.entries(KEYS).map(([keyDetails, kind], index) => ({
    ...one,
    baseUrl: `https://log${index}.example`,
    ...(index === 1 ? { checkpointKeyId: { keyId: Buffer.alloc(32, 7).toString('base64') } } : {}),
    publicKey: { ...one?.publicKey, keyDetails, rawBytes: generateKey(kind).spki.toString('base64'), validFor: { start: '2020-01-01T00:00:00.5Z', ...(index === 0 ? { end: '2030-06-01T12:00:00.123456789+02:00' } : {}) } },
  }));
  return JSON.stringify({ ...root, tlogs });
}

const ROOTS: Record<string, () => string> = {
  'the embedded one': embeddedTrustText,
  'one of the tests': () => world.trustedRootJson,
  'one with keys of every kind, and of two ids': withKeys,
  ...Object.fromEntries(FILES.map((file) => [file, () => readFileSync(join(SHARED, file), 'utf8')])),
};

function plain(logs: readonly (Log | TrustMaterial['tlogs'][number])[]): unknown {
  return logs.map(({ baseURL, logID, publicKey, validFor: { start, end } }) => ({ baseURL, logID: logID.toString('hex'), publicKey: publicKey.export({ format: 'der', type: 'spki' }).toString('hex'), start: start.getTime(), end: end.getTime() }));
}

describe('a trusted root is read as the library reads it:', () => {
  for (const [name, textOf] of Object.entries(ROOTS)) {
    test(name, () => {
      const text = textOf();
      const theirs = toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(text)));
      const { material, authorities } = loadTrustRoot(text);
      assert.deepEqual(plain(material.tlogs), plain(theirs.tlogs));
      assert.deepEqual(plain(material.ctlogs), plain(theirs.ctlogs));
      const ours = authorities.map((chain) => [chain.start, chain.end, ...chain.authorities.map(({ certificate }) => certificate.der.toString('hex'))]);
      assert.deepEqual(ours, theirs.certificateAuthorities.map(({ certChain, validFor: { start, end } }) => [start.getTime(), endOf(end), ...certChain.map((certificate) => certificate.root.toDER().toString('hex'))]));
      const stamps = material.stampAuthorities.map(({ signer, start, end }) => [start, end, signer.der.toString('hex')]);
      assert.deepEqual(stamps, theirs.timestampAuthorities.map(({ certChain: [signer], validFor: { start, end } }) => [start.getTime(), endOf(end), signer?.root.toDER().toString('hex')]));
    });
  }

  test('all of those of the corpora', { skip: existsSync(SHARED) ? false : 'there is no ../shared/corpus beside the repository' }, () => assert.ok(FILES.length >= 20, String(FILES.length)));
});

/** The library's end of time is the last one that a Date can be. */
function endOf(end: Date): number {
  return end.getTime() === 8_640_000_000_000_000 ? Number.POSITIVE_INFINITY : end.getTime();
}
