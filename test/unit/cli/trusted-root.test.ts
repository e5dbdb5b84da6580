import assert from 'node:assert/strict';
import test from 'node:test';
import { base64Problem, jsonProblem } from '../../../src/cli/refusal/go-json.ts';
import { refusalOf } from '../../../src/cli/refusal/mismatch.ts';
import { readRootAsCosign, rootRefusal } from '../../../src/cli/refusal/trusted-root.ts';
import { createWorld } from '../../support/sigstore/world.ts';

interface Log {
  hashAlgorithm?: unknown;
  logId?: unknown;
  publicKey: { rawBytes?: string; keyDetails?: unknown; validFor?: { start?: string } };
}
interface Root {
  mediaType?: string;
  tlogs: Log[];
  ctlogs: Log[];
  certificateAuthorities: { certChain?: { certificates: { rawBytes: string }[] } }[];
  [name: string]: unknown;
}

const world = createWorld();

/** What cosign would say of the world's root after this change. */
function said(change: (root: Root, log: Log) => void): string | undefined {
  const root = JSON.parse(world.trustedRootJson) as Root;
  const [log] = root.tlogs;
  if (log === undefined) throw new Error('the world has no log');
  change(root, log);
  let words: string | undefined;
  const refused = refusalOf(() => (words = rootRefusal(readRootAsCosign(JSON.stringify(root)))));
  return refused ?? words;
}

const BASE = 'application/vnd.dev.sigstore.trustedroot';

/** The sentences of sigstore-go 1.2.2 (pkg/root/trusted_root.go). */
const SENTENCES: Readonly<Record<string, readonly [(root: Root, log: Log) => void, string | undefined]>> = {
  'a root as it should be': [() => undefined, undefined],
  'another media type': [(root) => (root.mediaType = `${BASE}.v0.2+json`), `unsupported TrustedRoot media type: ${BASE}.v0.2+json`],
  'no media type': [(root) => delete root.mediaType, 'unsupported TrustedRoot media type: '],
  'a member that is not known': [(root) => (root['more'] = 1), 'failed to proto-json unmarshal trusted root: the trusted root has a member "more", which is not known'],
  'another hash': [(_, log) => (log.hashAlgorithm = 'SHA2_512'), 'unsupported tlog hash algorithm: SHA2_512'],
  'another hash by its number': [(_, log) => (log.hashAlgorithm = 3), 'unsupported tlog hash algorithm: SHA2_512'],
  'no hash': [(_, log) => delete log.hashAlgorithm, 'unsupported tlog hash algorithm: HASH_ALGORITHM_UNSPECIFIED'],
  'no log id': [(_, log) => delete log.logId, 'tlog missing log ID'],
  'an empty log id': [(_, log) => (log.logId = {}), 'tlog missing log ID key ID'],
  'no key': [(_, log) => delete log.publicKey.rawBytes, 'tlog missing public key raw bytes'],
  'details of another key': [(_, log) => (log.publicKey.keyDetails = 'PKIX_RSA_PKCS1V15_2048_SHA256'), 'tlog public key is not RSA: PKIX_RSA_PKCS1V15_2048_SHA256'],
  'details that nobody signs a log with': [(_, log) => (log.publicKey.keyDetails = 'PKIX_RSA_PSS_2048_SHA256'), 'unsupported tlog public key type: PKIX_RSA_PSS_2048_SHA256'],
  'no validity': [(_, log) => delete log.publicKey.validFor, 'tlog missing public key validity period'],
  'a validity without a start': [(_, log) => delete log.publicKey.validFor?.start, 'tlog missing public key validity period start time'],
  'an authority without a chain': [(root) => root.certificateAuthorities.forEach((one) => delete one.certChain), 'CertificateAuthority missing cert chain'],
  'an authority with an empty chain': [(root) => root.certificateAuthorities.forEach((one) => (one.certChain = { certificates: [] })), 'CertificateAuthority cert chain is empty'],
  'of several things the log before the authority': [
    (root, log) => {
      delete log.logId;
      root.certificateAuthorities.forEach((one) => delete one.certChain);
    },
    'tlog missing log ID',
  ],
};

for (const [name, [change, wanted]] of Object.entries(SENTENCES)) {
  test(`a trusted root is told in cosign's words: ${name}`, () => assert.equal(said(change), wanted));
}

/** The sentences of encoding/json of Go 1.25. */
const JSON_SENTENCES: Readonly<Record<string, string | undefined>> = {
  '{"a":[1,2]}': undefined,
  '': 'unexpected end of JSON input',
  '{"a":': 'unexpected end of JSON input',
  '"abc': 'unexpected end of JSON input',
  '{}x': "invalid character 'x' after top-level value",
  '{a}': "invalid character 'a' looking for beginning of object key string",
  '{"a"1}': "invalid character '1' after object key",
  '{"a":1 "b"}': `invalid character '"' after object key:value pair`,
  '[1 2]': "invalid character '2' after array element",
  'garbage': "invalid character 'g' looking for beginning of value",
  '\ufeff{}': "invalid character '\u00ef' looking for beginning of value",
};

for (const [text, wanted] of Object.entries(JSON_SENTENCES)) {
  test(`what is no JSON is told as Go tells it: ${JSON.stringify(text)}`, () => assert.equal(jsonProblem(text), wanted));
}

test('a character that base64 does not have is told with its place', () => {
  assert.equal(base64Problem('AAAA\nBBB='), undefined);
  assert.equal(base64Problem('AA-A'), 'illegal base64 data at input byte 2');
});
