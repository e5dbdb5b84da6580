import { createPublicKey, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { asList, asObject, JsonError, parseJson } from '../../signatures/json.ts';
import type { JsonObject } from '../../signatures/json.ts';
import { readProto } from '../../signatures/proto-json.ts';
import { hashName, keyDetailsName, TRUSTED_ROOT } from '../../signatures/trust-root-message.ts';
import { Mismatch, refusalOf } from './mismatch.ts';

const MEDIA_TYPE = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1';

/** A trusted root as protobuf's JSON mapping reads it, of the one media type that cosign takes. Throws {@link Mismatch} in its words, or as near as they come. */
export function readRootAsCosign(json: string): JsonObject {
  const root = unmarshalled(json);
  const { mediaType = '' } = root as { readonly mediaType?: string };
  if (mediaType !== MEDIA_TYPE) throw new Mismatch(`unsupported TrustedRoot media type: ${mediaType}`);
  return root;
}

function unmarshalled(json: string): JsonObject {
  try {
    return readProto(parseJson(Buffer.from(json, 'utf8'), { strict: true, maxDepth: 64 }), TRUSTED_ROOT, 'the trusted root');
  } catch (error) {
    // What follows of cosign's sentence has places in the text, and is spaced at random (protobuf-go, internal/errors).
    if (error instanceof JsonError) throw new Mismatch(`failed to proto-json unmarshal trusted root: ${error.message}`, { cause: error });
    throw error;
  }
}

/** What cosign finds wrong first with the members of a root that was read, in its order (sigstore-go, pkg/root/trusted_root.go). Undefined where nothing is. */
export function rootRefusal(root: JsonObject): string | undefined {
  return refusalOf(() => {
    each(root, 'tlogs', checkLog);
    each(root, 'certificateAuthorities', checkAuthority);
    each(root, 'timestampAuthorities', checkAuthority);
    each(root, 'ctlogs', checkLog);
  });
}

function each(root: JsonObject, field: string, check: (member: JsonObject) => void): void {
  for (const member of asList(root[field], field)) check(asObject(member, field));
}

function checkLog(log: JsonObject): void {
  const hash = hashName(log['hashAlgorithm']);
  if (hash !== 'SHA2_256') throw new Mismatch(`unsupported tlog hash algorithm: ${hash}`);
  if (log['logId'] === undefined) throw new Mismatch('tlog missing log ID');
  if (asObject(log['logId'], 'logId')['keyId'] === undefined) throw new Mismatch('tlog missing log ID key ID');
  if (log['publicKey'] === undefined) throw new Mismatch('tlog missing public key');
  const { rawBytes, keyDetails, validFor } = asObject(log['publicKey'], 'publicKey');
  if (rawBytes === undefined) throw new Mismatch('tlog missing public key raw bytes');
  checkKey(Buffer.from(rawBytes as string, 'base64'), keyDetailsName(keyDetails), text(log['baseUrl']));
  if (validFor === undefined) throw new Mismatch('tlog missing public key validity period');
  if (asObject(validFor, 'validFor')['start'] === undefined) throw new Mismatch('tlog missing public key validity period start time');
}

/** Which details go with which kind of key, and what cosign calls that where they do not. */
const DETAILS: readonly { readonly names: RegExp; readonly type: string; readonly called: string; readonly form: 'spki' | 'pkcs1' }[] = [
  { names: /^PKIX_ECDSA_P(?:256_SHA_256|384_SHA_384|521_SHA_512)$/, type: 'ec', called: 'ECDSA', form: 'spki' },
  { names: /^PKIX_RSA_PKCS1V15_(?:2048|3072|4096)_SHA256$/, type: 'rsa', called: 'RSA', form: 'spki' },
  { names: /^PKIX_ED25519$/, type: 'ed25519', called: 'RSA', form: 'spki' },
  { names: /^PKCS1_RSA_PKCS1V5$/, type: 'rsa', called: 'RSA', form: 'pkcs1' },
];

function checkKey(der: Buffer, details: string, url: string): void {
  const wanted = DETAILS.find(({ names }) => names.test(details));
  if (wanted === undefined) throw new Mismatch(`unsupported tlog public key type: ${details}`);
  let key: KeyObject;
  try {
    key = createPublicKey({ key: der, format: 'der', type: wanted.form });
  } catch (error) {
    throw new Mismatch(`failed to parse public key for tlog: ${url} it is not a public key`, { cause: error });
  }
  if (key.asymmetricKeyType !== wanted.type) throw new Mismatch(`tlog public key is not ${wanted.called}: ${details}`);
}

function checkAuthority(authority: JsonObject): void {
  if (authority['certChain'] === undefined) throw new Mismatch('CertificateAuthority missing cert chain');
  const certificates = asList(asObject(authority['certChain'], 'certChain')['certificates'], 'certificates');
  if (certificates.length === 0) throw new Mismatch('CertificateAuthority cert chain is empty');
  for (const certificate of certificates) {
    try {
      void new X509Certificate(Buffer.from(text(asObject(certificate, 'certificates')['rawBytes']), 'base64'));
    } catch (error) {
      throw new Mismatch(`failed to parse certificate for ${text(authority['uri'])} x509: malformed certificate`, { cause: error });
    }
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
