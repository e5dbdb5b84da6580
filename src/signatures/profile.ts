import type { Limits, Profile } from './types.ts';

const MEBI = 1024 * 1024;

/** The limits of verification.md, *Limits*. */
const LIMITS: Limits = Object.freeze({
  bundleBytes: MEBI,
  payloadBytes: MEBI,
  attestationBytes: 16 * MEBI,
  logEntries: 4,
  logBodyBytes: 512 * 1024,
  timestamps: 4,
  timestampBytes: 16 * 1024,
  certificateBytes: 16 * 1024,
  chain: 8,
  checkpointBytes: 16 * 1024,
  checkpointSignatures: 16,
  proofHashes: 64,
  subjects: 1024,
  jsonDepth: 32,
});

const BUNDLE_V03 = ['application/vnd.dev.sigstore.bundle.v0.3+json', 'application/vnd.dev.sigstore.bundle+json;version=0.3'];

/** What the operator accepts: everything that can be misread is refused. */
export const OPERATOR: Profile = Object.freeze({
  name: 'operator',
  limits: LIMITS,
  bundleMediaTypes: Object.freeze([
    'application/vnd.dev.sigstore.bundle+json;version=0.1',
    'application/vnd.dev.sigstore.bundle+json;version=0.2',
    ...BUNDLE_V03,
  ]),
  predicateTypes: Object.freeze(['https://sigstore.dev/cosign/sign/v1']),
  strictJson: true,
  singleName: true,
  proofKeyValidity: true,
  clockWithoutTime: false,
  unaskedTimestamps: true,
  legacyTimestampMayBeAbsent: false,
  duplicateLogEntries: 'CountOnce',
  entryHints: 'Compare',
  unprovenPromise: 'Refuse',
  otherCertificate: false,
  statementMembers: 'Any',
  envelopeKeyId: 'Hint',
  tileEnvelopes: true,
  oneEnvelopeSignature: true,
});

/** What cosign 3 does (../research: cosign.md §2). Only `src/cli/verify*` may name it. */
export const COSIGN: Profile = Object.freeze({
  name: 'cosign',
  limits: Object.freeze({ ...LIMITS, bundleBytes: 128 * MEBI, payloadBytes: 128 * MEBI, attestationBytes: 128 * MEBI, logEntries: 32, timestamps: 32, jsonDepth: 1000 }),
  bundleMediaTypes: Object.freeze(BUNDLE_V03),
  strictJson: false,
  singleName: false,
  proofKeyValidity: false,
  clockWithoutTime: true,
  unaskedTimestamps: false,
  legacyTimestampMayBeAbsent: true,
  duplicateLogEntries: 'Refuse',
  entryHints: 'Ignore',
  unprovenPromise: 'Skip',
  otherCertificate: true,
  statementMembers: 'Known',
  envelopeKeyId: 'Refuse',
  tileEnvelopes: false,
  oneEnvelopeSignature: false,
});
