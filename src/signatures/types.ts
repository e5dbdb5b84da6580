import type { Digest } from '../base/digest.ts';
import { CodedError } from '../base/errors.ts';
import type { PublicKey } from './public-key.ts';
import type { TrustRoot } from './trust-root.ts';

/** A legacy cosign signature: one layer of a `.sig` manifest (cosign specs/SIGNATURE_SPEC.md). Nothing is judged yet. */
export interface LegacyCandidate {
  readonly format: 'legacy';
  /** Where it was found, for people: `host/path:sha256-….sig, layer 2`. */
  readonly location: string;
  /** The signed bytes (simple signing JSON), as received. */
  readonly payload: Uint8Array;
  /** The layer's annotations: signature, certificate, chain, bundle, rfc3161timestamp. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** A Sigstore bundle (protobuf-specs, sigstore_bundle.proto) in JSON as received. */
export interface BundleCandidate {
  readonly format: 'bundle';
  readonly location: string;
  readonly bytes: Uint8Array;
  /** What a signature over an artifact itself (`messageSignature`) is held against; without it such a bundle is refused. */
  readonly artifact?: Artifact;
}

/** An artifact that is at hand, or no more of it than its digest. */
export type Artifact = { readonly bytes: Uint8Array } | { readonly digest: Digest };

/** A legacy cosign attestation: one layer of a `.att` manifest (cosign specs/ATTESTATION_SPEC.md). Nothing is judged yet. */
export interface LegacyAttestationCandidate {
  readonly format: 'legacy-attestation';
  readonly location: string;
  /** The DSSE envelope in JSON, as received: log entries and timestamps speak of exactly these bytes. */
  readonly envelope: Uint8Array;
  /** The layer's annotations: certificate, chain, bundle, rfc3161timestamp; its signature is empty. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** One signature or attestation as found beside an image. */
export type Candidate = LegacyCandidate | BundleCandidate | LegacyAttestationCandidate;

/** Upper bounds, applied before anything is parsed (verification.md, Limits). Bytes are of the decoded form. */
export interface Limits {
  readonly bundleBytes: number;
  readonly payloadBytes: number;
  /** Of an envelope or bundle, where attestations are asked for. */
  readonly attestationBytes: number;
  readonly logEntries: number;
  readonly logBodyBytes: number;
  readonly timestamps: number;
  readonly timestampBytes: number;
  readonly certificateBytes: number;
  /** Certificates in one chain. */
  readonly chain: number;
  readonly checkpointBytes: number;
  readonly checkpointSignatures: number;
  readonly proofHashes: number;
  /** Subjects of a statement. */
  readonly subjects: number;
  readonly jsonDepth: number;
}

/** What `operator` and `cosign` do differently (verification.md, Two profiles). Frozen. */
export interface Profile {
  readonly name: 'operator' | 'cosign';
  readonly limits: Limits;
  /** Exactly these bundles are read; any other media type is refused. */
  readonly bundleMediaTypes: readonly string[];
  /** Only a bundle with one of these predicate types counts as a signature; absent: any does. */
  readonly predicateTypes?: readonly string[];
  /** Refuses duplicate keys, `__proto__`, lenient base64 and JSON keys that differ in case only. */
  readonly strictJson: boolean;
  /** A certificate names its issuer and exactly one subject, in printable ASCII, and OIDs .1 and .8 agree. */
  readonly singleName: boolean;
  /** The validity of a log's key also limits inclusion proofs (Rekor v2), not only SETs. */
  readonly proofKeyValidity: boolean;
  /** Where no authenticated time is had, the certificate is judged by `Requirement.now`; otherwise it fails. */
  readonly clockWithoutTime: boolean;
  /** Timestamps that nobody asked for are looked at too, and skipped where they cannot be verified. */
  readonly unaskedTimestamps: boolean;
  /** A legacy signature without any timestamp passes although one is required. */
  readonly legacyTimestampMayBeAbsent: boolean;
  readonly duplicateLogEntries: 'CountOnce' | 'Refuse';
  /** What an entry says of its kind, and of its place beside the proof in Rekor v2: held against what was logged, or not looked at. */
  readonly entryHints: 'Compare' | 'Ignore';
  /** An entry of a known log whose SET does not hold. */
  readonly unprovenPromise: 'Refuse' | 'Skip';
  /** A legacy signature that a key proves may carry a certificate for another key, where no log is asked. */
  readonly otherCertificate: boolean;
  /** The members of a statement: whatever there are (in-toto/attestation, spec: parsing rules), or those alone that protobuf's message has. */
  readonly statementMembers: 'Any' | 'Known';
  /** The name that an envelope gives to the key of its signature: a hint without meaning (dsse, protocol.md), or refused where there is one. */
  readonly envelopeKeyId: 'Hint' | 'Refuse';
  /** Entries of kind dsse 0.0.2 are read. */
  readonly tileEnvelopes: boolean;
  /** An envelope may be in a Rekor v1 as hashedrekord too, as Sigstore's client specification allows; cosign 3.1 does not. */
  readonly hashedEnvelopes?: boolean;
  /** A legacy attestation's envelope has exactly one signature, which its log entry names; otherwise any that verifies counts. */
  readonly oneEnvelopeSignature: boolean;
}

/** What must be proven of a signature, whoever made it. */
export interface Requirement {
  /**
   * What is asked for; `Signature` where absent. With `Attestation` a statement of any predicate type counts, and envelopes and
   * bundles may be as large as attestations are. A `.att` layer is always read as an attestation.
   */
  readonly wants?: 'Signature' | 'Attestation';
  /** Keyed when present: the signature must be by this key. Absent: keyless. */
  readonly key?: PublicKey;
  /** Certificate authorities, logs, CT logs, timestamp authorities. May be absent only for a key with `log: 'Ignored'`. */
  readonly trust?: TrustRoot;
  /** Whether an entry in a transparency log is required. */
  readonly log: 'Required' | 'Ignored';
  /** Whether an RFC 3161 timestamp is required. With a keyless signature and `log: 'Ignored'` it is the only time there is. */
  readonly timestamp: 'Required' | 'NotAsked';
  readonly sct: 'Required' | 'Ignored';
  readonly profile: Profile;
  /**
   * Milliseconds since the epoch. Looked at only where no authenticated time is had: by the cosign profile for the certificate, by the
   * operator's for the key of a log that attests no time (a signature by a key in Rekor v2), by both for a certificate beside the signature of a key.
   */
  readonly now: number;
}

/** Who signed. A certificate's claims are keyed by the names of api.md (`githubWorkflowRef`, `sourceRepositoryURI`, …). */
export type Signer =
  | { readonly kind: 'key'; readonly keyId: Digest }
  | {
      readonly kind: 'certificate';
      readonly issuer: string;
      readonly subject: string;
      readonly claims: Readonly<Record<string, string>>;
      /** Digest of the certificate's DER. */
      readonly certificate: Digest;
      /** Digest of the certified key's DER SubjectPublicKeyInfo, as a signer that is a key has it. */
      readonly keyId?: Digest;
    };

/** Everything that a certificate says of its holder, authenticated by its authority. */
export interface CertificateClaims {
  /**
   * Who vouched for the holder: Fulcio's OID .1 in a legacy signature, .8 or .1 in a bundle. Where there is none it is empty or, for the
   * operator with certificate authorities of one's own, the distinguished name of the issuing authority.
   */
  readonly issuer: string;
  /** Subject alternative names that may be matched, in cosign's order; never empty. Exactly one for the operator and in a bundle. */
  readonly subjects: readonly string[];
  /** By the names of api.md (`githubWorkflowRef`, `sourceRepositoryURI`, …). */
  readonly claims: Readonly<Record<string, string>>;
  /** The same by OID, as cosign prints them (`1.3.6.1.4.1.57264.1.2`, …). */
  readonly extensions: Readonly<Record<string, string>>;
}

/** One artifact that a signature speaks of. */
export interface Subject {
  readonly digest: Digest;
  /** `critical.identity.docker-reference`, or the subject's `name`. */
  readonly name?: string;
  readonly annotations: Readonly<Record<string, unknown>>;
}

/** What a candidate was proven to say. Identity, claimed digest and annotations are not judged here, only authenticated. */
export interface Proof {
  readonly signer: Signer;
  /** The image digests that the signed statement names; a legacy payload names exactly one. */
  readonly digests: readonly Digest[];
  /** `critical.identity.docker-reference` or a subject's name, where the signed bytes have one. */
  readonly repository?: string;
  /** The signed annotations: `optional` of a legacy payload, the subject's `annotations` of a statement. */
  readonly annotations: Readonly<Record<string, unknown>>;
  /** Authenticated time of the signature, milliseconds since the epoch: log or timestamp authority. */
  readonly signedAt?: number;
  /** Whether a log entry was verified. */
  readonly logged: boolean;
  /** For lack of an authenticated time the key of the log, or a certificate, was held against `Requirement.now`: later it may not hold any more. */
  readonly clocked?: true;
  /** `critical.type` or the predicate type; empty where an artifact itself was signed. */
  readonly type: string;
  /** Each artifact with its own name and annotations. `repository` and `annotations` above are given only where there is exactly one. */
  readonly subjects: readonly Subject[];
  /** Present when a certificate signed. */
  readonly certificate?: CertificateClaims;
}

/** The reasons of api.md for which a single signature can fail; `NoSignature`: it is an attestation. */
export type SignatureErrorCode =
  | 'NoSignature'
  | 'SignatureInvalid'
  | 'KeyMismatch'
  | 'NotLogged'
  | 'TimestampInvalid'
  | 'CertificateInvalid'
  | 'TrustRootUnavailable'
  | 'LimitExceeded';

/** Thrown by `prove`: why this candidate proves nothing. The message names what was found and what was wanted. */
export class SignatureError extends CodedError<SignatureErrorCode> {}
