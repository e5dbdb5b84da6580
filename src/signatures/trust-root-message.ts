import { HashAlgorithm, PublicKeyDetails } from '@sigstore/protobuf-specs';
import type { ProtoMessage } from './proto-json.ts';

const VALIDITY: ProtoMessage = { fields: { start: 'string', end: 'string' } };
const LOG_ID: ProtoMessage = { fields: { keyId: 'bytes' } };
const LOG: ProtoMessage = {
  fields: {
    baseUrl: 'string',
    hashAlgorithm: { names: Object.keys(HashAlgorithm) },
    publicKey: { fields: { rawBytes: 'bytes', keyDetails: { names: Object.keys(PublicKeyDetails) }, validFor: VALIDITY } },
    logId: LOG_ID,
    checkpointKeyId: LOG_ID,
    operator: 'string',
  },
};
const AUTHORITY: ProtoMessage = {
  fields: {
    subject: { fields: { organization: 'string', commonName: 'string' } },
    uri: 'string',
    certChain: { fields: { certificates: [{ fields: { rawBytes: 'bytes' } }] } },
    validFor: VALIDITY,
    operator: 'string',
  },
};
/** A trusted root (protobuf-specs, sigstore_trustroot.proto). */
export const TRUSTED_ROOT: ProtoMessage = { fields: { mediaType: 'string', tlogs: [LOG], certificateAuthorities: [AUTHORITY], ctlogs: [LOG], timestampAuthorities: [AUTHORITY] } };

/** The name of a hash algorithm, which JSON may have as its number. */
export function hashName(value: unknown): string {
  return nameIn(HashAlgorithm, value) ?? 'HASH_ALGORITHM_UNSPECIFIED';
}

/** The name of the details of a key, which JSON may have as their number. */
export function keyDetailsName(value: unknown): string {
  return nameIn(PublicKeyDetails, value) ?? 'PUBLIC_KEY_DETAILS_UNSPECIFIED';
}

function nameIn(names: Readonly<Record<string, number | string>>, value: unknown): string | undefined {
  if (typeof value === 'number') return String(names[value] ?? value);
  return typeof value === 'string' ? value : undefined;
}
