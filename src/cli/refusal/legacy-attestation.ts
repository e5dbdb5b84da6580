import type { KeyObject } from 'node:crypto';
import { SignedContent } from '../../signatures/content.ts';
import { Mismatch } from './mismatch.ts';
import type { Question } from './question.ts';

/** A DSSE envelope as it is stored (secure-systems-lab/dsse, envelope.md). */
interface Envelope {
  readonly payload: Buffer;
  readonly payloadType: string;
  readonly signatures: readonly Buffer[];
}

const IN_TOTO = 'application/vnd.in-toto+json';

/** The signature of a legacy attestation, which is in its envelope (pkg/cosign/verify.go, verifyOCIAttestation). Throws {@link Mismatch}. */
export function checkEnvelope({ payload, payloadType, signatures }: Envelope, key: KeyObject, { requirement }: Question): void {
  if (payloadType !== IN_TOTO) throw new Mismatch(`invalid payloadType ${payloadType} on envelope. Expected ${IN_TOTO}`);
  if (signatures.length === 0) throw new Mismatch('no signature found');
  const hash = requirement.key?.hashAlgorithm ?? 'sha256';
  const signed = signatures.some((signature) => SignedContent.ofEnvelope(payloadType, payload, signature).isSignedBy(key, [hash]));
  if (!signed) throw new Mismatch('accepted signatures do not match threshold, Found: 0, Expected 1');
}

/** Takes an envelope apart. Throws {@link Mismatch} where it is not JSON. */
export function readEnvelope(bytes: Buffer): Envelope {
  let envelope: Readonly<Record<string, unknown>>;
  try {
    envelope = JSON.parse(bytes.toString('utf8')) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw new Mismatch('the attestation is not JSON', { cause: error });
  }
  const { payload, payloadType, signatures } = envelope;
  const list = Array.isArray(signatures) ? (signatures as readonly { readonly sig?: unknown }[]) : [];
  return {
    payload: Buffer.from(textOf(payload), 'base64'),
    payloadType: textOf(payloadType),
    signatures: list.map(({ sig }) => Buffer.from(textOf(sig), 'base64')),
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
