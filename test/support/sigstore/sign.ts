import { issueLeaf, type LeafOptions } from './authority.ts';
import {
  certificatePem,
  generateKey,
  hashOf,
  hashed,
  sha256,
  signWith,
  type HashName,
  type KeyPair,
  type KeyType,
} from './keys.ts';
import { addEntry, bundleEntry, legacyEntry, type LogEntry } from './log.ts';
import { bodyV1, bodyV2, type Body, type EntryKind, type Envelope, type Logged } from './log-bodies.ts';
import { timestampToken, type TokenOptions } from './timestamp.ts';
import type { Services } from './trusted-root.ts';

/** Somebody who can sign: with a key pair, or with a new certificate for each signature. */
export type TestSigner =
  | { readonly kind: 'key'; readonly key: KeyPair }
  | {
      readonly kind: 'keyless';
      readonly subject: string;
      readonly issuer: string;
      readonly claims: Readonly<Record<string, string>>;
      readonly keyType: KeyType;
      /** The key that is certified; a new one for each signature by default, as Fulcio's clients do it. */
      readonly key?: KeyPair;
    };

/**
 * How a signature is made. Everything has the value that cosign would choose; the hooks bend one step each, and what
 * comes after that step is made from the bent value. What is bent after the last step, a test edits in the result.
 */
export interface SignOptions {
  /** When the signature is made, milliseconds: start of the certificate, time of log and timestamp unless told otherwise. */
  readonly at?: number;
  /** Which log it goes to. Legacy signatures know `v1` only. Default: `v1` for legacy, `v2` for bundles. */
  readonly log?: 'v1' | 'v2' | 'none';
  /** Whether the timestamp authority stamps it. Default: only what is not in a v1 log and has a certificate. */
  readonly timestamp?: boolean;
  /** Signed annotations (cosign's `-a`). */
  readonly annotations?: Readonly<Record<string, unknown>>;
  /** Hash of the signature. Default: SHA-256 for legacy, by the length of the curve for bundles. */
  readonly hash?: HashName;
  /** Kind of the log entry. Default: `hashedrekord`, but `dsse` for bundles in a v1 log. */
  readonly entryKind?: EntryKind;
  readonly loggedAt?: number;
  readonly stampedAt?: number;
  /** Services to use instead of the world's own: another world's log, authority, … */
  readonly services?: Partial<Services>;
  /** Bends the certificate (authority.ts, certificateFaults). */
  readonly certificate?: Partial<LeafOptions>;
  /** Bends the text that is signed: the simple signing payload or the in-toto statement. */
  readonly payload?: (text: string) => string;
  /** Bends the signature before it is logged and stamped. */
  readonly signature?: (bytes: Buffer) => Buffer;
  /** Bends what the log is told. */
  readonly logged?: (logged: Logged) => Logged;
  /** Bends the entry's body before it is logged. */
  readonly body?: (body: Body) => Body | Buffer;
  /** Bends the entry that the log answered. */
  readonly entry?: (entry: LogEntry) => LogEntry;
  /** What the timestamp authority does otherwise. */
  readonly token?: TokenOptions;
  /** What it stamps instead of the signature. */
  readonly stamped?: (signature: Buffer) => Buffer;
}

/** A legacy signature: the layer's bytes and its annotations. */
export interface LegacySignature {
  readonly payload: Buffer;
  readonly annotations: Record<string, string>;
}

/** A Sigstore bundle v0.3 in JSON, plain data. */
export interface Bundle {
  mediaType: string;
  verificationMaterial: {
    certificate?: { rawBytes: string };
    publicKey?: { hint: string };
    tlogEntries?: Record<string, unknown>[];
    timestampVerificationData?: { rfc3161Timestamps: { signedTimestamp: string }[] };
  };
  dsseEnvelope?: Envelope;
  messageSignature?: { messageDigest: { algorithm: string; digest: string }; signature: string };
}

/** What an image signature is about. */
export interface Artifact {
  /** `sha256:…` of the manifest or index. */
  readonly digest: string;
  /** The repository as cosign writes it into legacy payloads: host and path, no tag. */
  readonly repository: string;
}

/** What a bundle says of the artifact beside its digest: a signature by default, else an attestation. */
export interface StatementOptions {
  readonly predicateType?: string;
  readonly predicate?: unknown;
}

export const BUNDLE_MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
/** The predicate type with which cosign 3 marks a signature. */
export const SIGNATURE_PREDICATE = 'https://sigstore.dev/cosign/sign/v1';
const PAYLOAD_TYPE = 'application/vnd.in-toto+json';

/** A legacy cosign signature of an image (cosign, specs/SIGNATURE_SPEC.md). */
export function legacySignature(
  services: Services,
  signer: TestSigner,
  artifact: Artifact,
  options: SignOptions & { at: number },
): LegacySignature {
  const optional = options.annotations === undefined ? null : sorted(options.annotations);
  const text = goJson({
    critical: {
      identity: { 'docker-reference': artifact.repository },
      image: { 'docker-manifest-digest': artifact.digest },
      type: 'cosign container image signature',
    },
    optional,
  });
  const payload = Buffer.from(options.payload?.(text) ?? text);
  const made = act(services, signer, payload, { log: 'v1', hash: 'sha256', ...options });
  return { payload, annotations: legacyAnnotations(made, made.signature.toString('base64')) };
}

/** A legacy attestation: a DSSE envelope as the layer, its signature inside (cosign, specs/ATTESTATION_SPEC.md). */
export function legacyAttestation(
  services: Services,
  signer: TestSigner,
  artifact: Artifact,
  options: SignOptions & StatementOptions & { at: number; predicateType: string },
): LegacySignature {
  const sealed = seal(services, signer, artifact, { log: 'v1', entryKind: 'dsse', hash: 'sha256', ...options });
  const annotations = { ...legacyAnnotations(sealed.made, ''), predicateType: options.predicateType };
  return { payload: Buffer.from(JSON.stringify(sealed.envelope)), annotations };
}

/** A bundle as cosign 3 makes it: a statement about the digest in a DSSE envelope. */
export function bundle(
  services: Services,
  signer: TestSigner,
  artifact: Artifact,
  options: SignOptions & StatementOptions & { at: number },
): Bundle {
  const sealed = seal(services, signer, artifact, { log: 'v2', ...options });
  return { ...bundleOf(signer, sealed.made), dsseEnvelope: sealed.envelope };
}

/** A bundle that signs bytes themselves (`cosign sign-blob`); of an image, the bytes of its manifest. */
export function messageBundle(
  services: Services,
  signer: TestSigner,
  message: Buffer,
  options: SignOptions & { at: number },
): Bundle {
  const made = act(services, signer, message, { log: 'v2', ...options });
  const digest = hashed(made.hash, message).toString('base64');
  const messageDigest = { algorithm: `SHA2_${made.hash.slice(3)}`, digest };
  return {
    ...bundleOf(signer, made),
    messageSignature: { messageDigest, signature: made.signature.toString('base64') },
  };
}

interface Made {
  readonly hash: HashName;
  readonly key: KeyPair;
  readonly signature: Buffer;
  readonly certificate?: Buffer;
  readonly entry?: LogEntry;
  readonly token?: Buffer;
}

/** One signing: certificate, signature, log entry, timestamp, in that order. */
function act(
  own: Services,
  signer: TestSigner,
  message: Buffer,
  options: SignOptions & { at: number },
  envelope?: Envelope,
): Made {
  const services = { ...own, ...options.services };
  const key = signer.kind === 'key' ? signer.key : (signer.key ?? generateKey(signer.keyType));
  const certificate =
    signer.kind === 'key'
      ? {}
      : {
          certificate: issueLeaf(services.authority, {
            ...signer,
            spki: key.spki,
            at: options.at,
            ...options.certificate,
          }),
        };
  const hash = options.hash ?? hashOf(key.type);
  const plain = signWith(key, message, hash);
  const signature = options.signature?.(plain) ?? plain;
  const sealed = envelope && { ...envelope, signatures: [{ sig: signature.toString('base64') }] };
  const told: Logged = { message, hash, signature, key, ...certificate, ...(sealed && { envelope: sealed }) };
  const entry = enter(services, options.logged?.(told) ?? told, options);
  const stamp = options.timestamp ?? (options.log !== 'v1' && signer.kind === 'keyless');
  const stamped = options.stamped?.(signature) ?? signature;
  return {
    hash,
    key,
    signature,
    ...certificate,
    ...(entry && { entry }),
    ...(stamp && {
      token: timestampToken(services.timestampAuthority, stamped, options.stampedAt ?? options.at, options.token),
    }),
  };
}

function enter(services: Services, told: Logged, options: SignOptions & { at: number }): LogEntry | undefined {
  if (options.log === 'none') return undefined;
  const v1 = options.log === 'v1';
  const kind = options.entryKind ?? (v1 && told.envelope !== undefined ? 'dsse' : 'hashedrekord');
  const plain = v1 ? bodyV1(kind, told) : bodyV2(kind === 'dsse' ? 'dsse' : 'hashedrekord', told);
  const log = v1 ? services.rekorV1 : services.rekorV2;
  const entry = addEntry(log, options.body?.(plain) ?? plain, options.loggedAt ?? options.at);
  return options.entry?.(entry) ?? entry;
}

function seal(
  services: Services,
  signer: TestSigner,
  artifact: Artifact,
  options: SignOptions & StatementOptions & { at: number },
): { envelope: Envelope; made: Made } {
  const [algorithm = '', hex = ''] = artifact.digest.split(':');
  const text = JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { [algorithm]: hex }, annotations: sorted(options.annotations ?? {}) }],
    predicateType: options.predicateType ?? SIGNATURE_PREDICATE,
    predicate: options.predicate ?? {},
  });
  const payload = Buffer.from(options.payload?.(text) ?? text);
  const unsigned: Envelope = { payload: payload.toString('base64'), payloadType: PAYLOAD_TYPE, signatures: [] };
  const made = act(services, signer, preAuthenticationEncoding(PAYLOAD_TYPE, payload), options, unsigned);
  return { envelope: { ...unsigned, signatures: [{ sig: made.signature.toString('base64') }] }, made };
}

/** What a DSSE signature is made over (dsse, protocol.md). */
export function preAuthenticationEncoding(type: string, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `), payload]);
}

function legacyAnnotations(made: Made, signature: string): Record<string, string> {
  const annotations: Record<string, string> = { 'dev.cosignproject.cosign/signature': signature };
  if (made.entry !== undefined) annotations['dev.sigstore.cosign/bundle'] = JSON.stringify(legacyEntry(made.entry));
  if (made.certificate !== undefined) {
    annotations['dev.sigstore.cosign/certificate'] = certificatePem(made.certificate);
    annotations['dev.sigstore.cosign/chain'] = '';
  }
  if (made.token !== undefined) {
    const token = { SignedRFC3161Timestamp: made.token.toString('base64') };
    annotations['dev.sigstore.cosign/rfc3161timestamp'] = JSON.stringify(token);
  }
  return annotations;
}

function bundleOf(signer: TestSigner, made: Made): Bundle {
  const stamps = made.token === undefined ? [] : [{ signedTimestamp: made.token.toString('base64') }];
  const hint = sha256(made.key.spki).toString('base64');
  return {
    mediaType: BUNDLE_MEDIA_TYPE,
    verificationMaterial: {
      ...(signer.kind === 'key' || made.certificate === undefined
        ? { publicKey: { hint } }
        : { certificate: { rawBytes: made.certificate.toString('base64') } }),
      ...(made.entry === undefined ? {} : { tlogEntries: [bundleEntry(made.entry)] }),
      ...(stamps.length === 0 ? {} : { timestampVerificationData: { rfc3161Timestamps: stamps } }),
    },
  };
}

function sorted(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** JSON as Go writes it, with `<`, `>` and `&` escaped. */
function goJson(value: unknown): string {
  const escapes: Readonly<Record<string, string>> = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026' };
  return JSON.stringify(value).replaceAll(/[<>&]/g, (character) => escapes[character] ?? character);
}
