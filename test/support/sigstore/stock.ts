import { X509Certificate, type KeyObject } from 'node:crypto';
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier, type SignedEntity, type Signer, type TrustMaterial, type VerifierOptions } from '@sigstore/verify';
import { sha256 } from './keys.ts';
import type { LegacyLogEntry } from './log.ts';
import type { LegacySignature } from './sign.ts';

/** How the stock verifier is asked: its thresholds, the key of a signature that has no certificate, and what is done to its own form of the signature before it looks. */
export type StockOptions = VerifierOptions & { readonly key?: KeyObject; readonly entity?: (entity: SignedEntity) => SignedEntity };

const MATERIALS = new Map<string, TrustMaterial>();

/** Each root is read once; the last few are kept. */
function materialOf(trustedRootJson: string): TrustMaterial {
  const material = MATERIALS.get(trustedRootJson) ?? toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(trustedRootJson)), {});
  if (MATERIALS.size >= 8) MATERIALS.clear();
  MATERIALS.set(trustedRootJson, material);
  return material;
}

/**
 * Verifies with `@sigstore/verify` as it is, without any check of ours: the oracle for what the private Sigstore makes.
 * Throws what that library throws.
 */
export function stockVerify(
  trustedRootJson: string,
  bundle: unknown,
  message?: Buffer,
  options: StockOptions = {},
): Signer {
  const { key, entity = (one) => one, ...thresholds } = options;
  const publicKey = (): { publicKey: KeyObject; validFor: () => boolean } => {
    if (key === undefined) throw new Error('no key was given');
    return { publicKey: key, validFor: () => true };
  };
  return new Verifier({ ...materialOf(trustedRootJson), publicKey }, thresholds).verify(entity(toSignedEntity(bundleFromJSON(bundle), message)));
}

/** The same for a legacy signature, brought into the form of a bundle v0.1 first. */
export function stockVerifyLegacy(
  trustedRootJson: string,
  signature: LegacySignature,
  options: StockOptions = {},
): Signer {
  return stockVerify(trustedRootJson, legacyAsBundle(signature), signature.payload, options);
}

/** A legacy signature as bundle v0.1 (protobuf-specs, sigstore_bundle.proto). */
export function legacyAsBundle({ annotations, payload }: LegacySignature): Record<string, unknown> {
  const certificate = annotations['dev.sigstore.cosign/certificate'];
  const entry = annotations['dev.sigstore.cosign/bundle'];
  const token = annotations['dev.sigstore.cosign/rfc3161timestamp'];
  const rawBytes = certificate && new X509Certificate(certificate).raw.toString('base64');
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1',
    verificationMaterial: {
      ...(rawBytes ? { x509CertificateChain: { certificates: [{ rawBytes }] } } : { publicKey: { hint: 'key' } }),
      tlogEntries: entry === undefined ? [] : [logEntry(JSON.parse(entry) as LegacyLogEntry)],
      timestampVerificationData: {
        rfc3161Timestamps:
          token === undefined
            ? []
            : [{ signedTimestamp: (JSON.parse(token) as Record<string, string>)['SignedRFC3161Timestamp'] }],
      },
    },
    messageSignature: {
      messageDigest: { algorithm: 'SHA2_256', digest: sha256(payload).toString('base64') },
      signature: annotations['dev.cosignproject.cosign/signature'],
    },
  };
}

function logEntry({ SignedEntryTimestamp, Payload }: LegacyLogEntry): Record<string, unknown> {
  const body = JSON.parse(Buffer.from(Payload.body, 'base64').toString()) as { kind: string; apiVersion: string };
  return {
    logIndex: String(Payload.logIndex),
    logId: { keyId: Buffer.from(Payload.logID, 'hex').toString('base64') },
    kindVersion: { kind: body.kind, version: body.apiVersion },
    integratedTime: String(Payload.integratedTime),
    inclusionPromise: { signedEntryTimestamp: SignedEntryTimestamp },
    canonicalizedBody: Payload.body,
  };
}
