import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Candidate, SignatureErrorCode } from '../../src/signatures/types.ts';
import { asBundle, asking, bundle, found, IMAGE, keyOf, outcome, refused, release, world } from '../support/signatures.ts';
import { costOf } from '../support/cost.ts';

/*
 * None of these needs a forged signature, only a public certificate: 60 KiB of log entries kept the stock library busy for 5 s, 232 KiB for
 * 21 s, 400 KB of empty elements in a certificate for 6 s (and were accepted). CVE-2022-36056 and GHSA-95pr-fxf5-86gv are of this kind.
 */

/** What `costOf` may say: milliseconds of a fixed machine, whatever else this one does. */
const BOUND = 250;

const genuine = world.bundle(release, IMAGE, { log: 'v1' });
const material = genuine.verificationMaterial;
const entry = material.tlogEntries?.[0] ?? {};
const stamp = world.bundle(release, IMAGE).verificationMaterial.timestampVerificationData?.rfc3161Timestamps[0] ?? { signedTimestamp: '' };

function having(difference: Record<string, unknown>): Candidate {
  return asBundle({ ...genuine, verificationMaterial: { ...material, ...difference } });
}

function checkpoint(envelope: string): Candidate {
  const proof = entry['inclusionProof'] as Record<string, unknown>;
  return having({ tlogEntries: [{ ...entry, inclusionProof: { ...proof, checkpoint: { envelope } } }] });
}

const note = String(((entry['inclusionProof'] as Record<string, unknown>)['checkpoint'] as Record<string, unknown>)['envelope']);
const witness = '\u2014 witness.example AAAAAAAAAAAA\n';
const signature = world.legacySignature(release, IMAGE);
const annotated = (name: string, value: string): Candidate => found({ ...signature, annotations: { ...signature.annotations, [name]: value } });
const padded = Buffer.concat([Buffer.from(material.certificate?.rawBytes ?? '', 'base64'), Buffer.alloc(400_000, '\x05\0', 'latin1')]);

const HOSTILE: Record<string, [Candidate, SignatureErrorCode]> = {
  '500 log entries': [having({ tlogEntries: Array.from({ length: 500 }, (_, index) => ({ ...entry, integratedTime: String(1_700_000_000 + index) })) }), 'LimitExceeded'],
  'five log entries': [having({ tlogEntries: Array.from({ length: 5 }, () => entry) }), 'LimitExceeded'],
  'five timestamps': [having({ timestampVerificationData: { rfc3161Timestamps: Array.from({ length: 5 }, () => stamp) } }), 'LimitExceeded'],
  'nine certificates in a chain': [
    having({ certificate: undefined, x509CertificateChain: { certificates: Array.from({ length: 9 }, () => material.certificate) } }),
    'LimitExceeded',
  ],
  'a certificate with 400 KB of empty elements': [having({ certificate: { rawBytes: padded.toString('base64') } }), 'LimitExceeded'],
  'a timestamp of 100 KB': [having({ timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: Buffer.alloc(100_000).toString('base64') }] } }), 'LimitExceeded'],
  'a checkpoint with 20,000 signatures': [checkpoint(note + witness.repeat(20_000)), 'LimitExceeded'],
  'a checkpoint with 20 signatures': [checkpoint(note + witness.repeat(20)), 'LimitExceeded'],
  'a bundle of more than 1 MiB': [asBundle(`${JSON.stringify(genuine)}${' '.repeat(1024 * 1024)}`), 'LimitExceeded'],
  '1 MiB of nested brackets': [asBundle('['.repeat(1024 * 1024)), 'LimitExceeded'],
  'brackets nested 5,000 deep': [asBundle(JSON.stringify(genuine).replace('{', `{"a":${'['.repeat(5000)}${']'.repeat(5000)},`)), 'LimitExceeded'],
  '1 MiB of keys': [asBundle(`{${Array.from({ length: 60_000 }, (_, index) => `"k${index}":0`).join(',')}}`), 'SignatureInvalid'],
  'a proof with 10,000 hashes': [
    having({ tlogEntries: [{ ...entry, inclusionProof: { ...(entry['inclusionProof'] as object), hashes: Array.from({ length: 10_000 }, () => '') } }] }),
    'LimitExceeded',
  ],
  '1,025 subjects': [
    bundle(release, {
      payload: (text) => JSON.stringify({ ...(JSON.parse(text) as object), subject: Array.from({ length: 1025 }, () => ({ digest: { sha256: 'a1'.repeat(32) } })) }),
    }),
    'LimitExceeded',
  ],
  'a legacy payload of more than 1 MiB': [found({ ...signature, payload: Buffer.alloc(1024 * 1024 + 1, ' ') }), 'LimitExceeded'],
  'a legacy certificate of 1 MiB': [annotated('dev.sigstore.cosign/certificate', 'A'.repeat(1024 * 1024)), 'LimitExceeded'],
  'a legacy log entry of 2 MiB': [annotated('dev.sigstore.cosign/bundle', ' '.repeat(2 * 1024 * 1024)), 'LimitExceeded'],
  'a legacy signature of 1 MiB': [annotated('dev.cosignproject.cosign/signature', 'AAAA'.repeat(256 * 1024)), 'LimitExceeded'],
  'a legacy timestamp of 1 MiB': [annotated('dev.sigstore.cosign/rfc3161timestamp', ' '.repeat(1024 * 1024)), 'LimitExceeded'],
};

describe(`what is too large is refused within ${BOUND} ms of processor time`, () => {
  for (const [sentence, [candidate, code]] of Object.entries(HOSTILE)) {
    test(sentence, () => {
      const time = costOf(() => refused(candidate, asking(), code));
      assert.ok(time < BOUND, `took ${time} ms`);
    });
  }
});

test('the most that is allowed is judged within 250 ms of processor time', () => {
  const other = Array.from({ length: 4 }, (_, index) => ({ ...entry, logIndex: String(index + 100) }));
  const full = having({ tlogEntries: other, timestampVerificationData: { rfc3161Timestamps: Array.from({ length: 4 }, () => stamp) } });
  const time = costOf(() => {
    outcome(full, asking());
    outcome(full, asking({ key: keyOf(world.key()) }));
  });
  assert.ok(time < BOUND, `took ${time} ms`);
});
