import { KEY_DETAILS, certificatePem, hashed, sha256, type HashName, type KeyPair } from './keys.ts';

/** What an entry says of one signature; every body below is made of these. */
export interface Logged {
  /** The signed bytes: the payload itself, or the pre-authentication encoding of an envelope. */
  readonly message: Uint8Array;
  readonly hash: HashName;
  readonly signature: Uint8Array;
  /** Who signed: a certificate (DER) or a key. */
  readonly certificate?: Uint8Array;
  readonly key: KeyPair;
  /** The DSSE envelope, where there is one. */
  readonly envelope?: Envelope;
}

/** A DSSE envelope as it stands in bundles and `.att` layers. */
export interface Envelope {
  readonly payload: string;
  readonly payloadType: string;
  readonly signatures: readonly { readonly sig: string; readonly keyid?: string }[];
}

/** The body of a log entry, before it is canonicalised. */
export type Body = Readonly<Record<string, unknown>>;

/** The kinds of entries that a log takes from cosign. */
export type EntryKind = 'hashedrekord' | 'dsse' | 'intoto' | 'intoto001' | 'rekord';

const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64');
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Rekor v1's bodies (rekor, pkg/types/<kind>/v0.0.x). */
const BODIES_V1: Readonly<Record<EntryKind, (logged: Logged) => Body>> = {
  hashedrekord: (logged) => ({
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: {
      data: { hash: { algorithm: logged.hash, value: hex(hashed(logged.hash, logged.message)) } },
      signature: { content: base64(logged.signature), publicKey: { content: verifier(logged) } },
    },
  }),
  rekord: (logged) => ({
    apiVersion: '0.0.1',
    kind: 'rekord',
    spec: {
      data: { hash: { algorithm: 'sha256', value: hex(sha256(logged.message)) } },
      signature: { content: base64(logged.signature), format: 'x509', publicKey: { content: verifier(logged) } },
    },
  }),
  dsse: (logged) => ({
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: {
      ...envelopeHashes(logged, 'envelopeHash'),
      signatures: [{ signature: base64(logged.signature), verifier: verifier(logged) }],
    },
  }),
  intoto: (logged) => ({ apiVersion: '0.0.2', kind: 'intoto', spec: { content: intoto(logged) } }),
  intoto001: (logged) => ({
    apiVersion: '0.0.1',
    kind: 'intoto',
    spec: { content: envelopeHashes(logged, 'hash'), publicKey: verifier(logged) },
  }),
};

/** Rekor v1's body of this kind. */
export const bodyV1 = (kind: EntryKind, logged: Logged): Body => BODIES_V1[kind](logged);

/** Rekor v2's body of this kind (rekor-tiles, proto/rekor/v2). */
export function bodyV2(kind: 'hashedrekord' | 'dsse', logged: Logged): Body {
  const who =
    logged.certificate === undefined
      ? { publicKey: { rawBytes: base64(logged.key.spki) } }
      : { x509Certificate: { rawBytes: base64(logged.certificate) } };
  const by = { keyDetails: KEY_DETAILS[logged.key.type], ...who };
  if (kind === 'hashedrekord') {
    const data = { algorithm: `SHA2_${logged.hash.slice(3)}`, digest: base64(hashed(logged.hash, logged.message)) };
    const signature = { content: base64(logged.signature), verifier: by };
    return { apiVersion: '0.0.2', kind, spec: { hashedRekordV002: { data, signature } } };
  }
  const payload = Buffer.from(logged.envelope?.payload ?? '', 'base64');
  const payloadHash = { algorithm: 'SHA2_256', digest: base64(sha256(payload)) };
  const signatures = [{ content: base64(logged.signature), verifier: by }];
  return { apiVersion: '0.0.2', kind, spec: { dsseV002: { payloadHash, signatures } } };
}

/** JSON in the form of RFC 8785, for values without fractions: sorted keys, no white space. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, one]) => `${JSON.stringify(key)}:${canonicalJson(one)}`).join(',')}}`;
}

/** Base64 of the PEM of whoever signed. */
function verifier(logged: Logged): string {
  return base64(logged.certificate === undefined ? logged.key.pem : certificatePem(logged.certificate));
}

function envelopeHashes(logged: Logged, name: 'hash' | 'envelopeHash'): Record<string, unknown> {
  const payload = Buffer.from(logged.envelope?.payload ?? '', 'base64');
  const of = (bytes: Uint8Array) => ({ algorithm: 'sha256', value: hex(sha256(bytes)) });
  return { [name]: of(Buffer.from(JSON.stringify(logged.envelope))), payloadHash: of(payload) };
}

function intoto(logged: Logged): Record<string, unknown> {
  const sig = base64(base64(logged.signature)); // twice, as intoto 0.0.2 has it
  const envelope = { payloadType: logged.envelope?.payloadType, signatures: [{ publicKey: verifier(logged), sig }] };
  return { envelope, ...envelopeHashes(logged, 'hash') };
}
