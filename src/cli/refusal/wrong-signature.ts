import type { KeyObject } from 'node:crypto';
import { SEQUENCE, derChildren, readDer } from '../../signatures/der.ts';

/** The longest signature in the other encoding of ECDSA: two numbers of P-521. */
const MAX_P1363 = 132;

/** What Go's verifier for this kind of key says of a signature that is not by it (sigstore/sigstore, pkg/signature). */
export function wrongSignature(key: KeyObject, signature: Buffer): string {
  if (key.asymmetricKeyType === 'rsa') return 'crypto/rsa: verification error';
  return key.asymmetricKeyType === 'ed25519' ? 'failed to verify signature' : wrongEcdsa(signature);
}

function wrongEcdsa(signature: Buffer): string {
  if (isTwoNumbers(signature)) return 'invalid signature when validating ASN.1 encoded signature';
  const raw = signature.length > 0 && signature.length <= MAX_P1363 && signature.length % 2 === 0;
  return raw ? 'invalid signature when validating IEEE_P1363 encoded signature' : 'ecdsa: Invalid IEEE_P1363 encoded bytes';
}

const INTEGER = 0x02;

function isTwoNumbers(signature: Buffer): boolean {
  try {
    const numbers = derChildren(readDer(signature, SEQUENCE));
    return numbers.length === 2 && numbers.every(({ tag }) => tag === INTEGER);
  } catch {
    return false;
  }
}
