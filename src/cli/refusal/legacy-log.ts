import type { KeyObject, X509Certificate } from 'node:crypto';
import { createHash } from 'node:crypto';
import { readPem } from '../../signatures/pem.ts';
import type { TrustRoot } from '../../signatures/trust-root.ts';
import type { EntryBody } from './entry-body.ts';
import { readEntryBody } from './entry-body.ts';
import type { LegacyParts } from './legacy-parts.ts';
import { Mismatch, within } from './mismatch.ts';
import type { Question } from './question.ts';
import { trustOf } from './question.ts';
import type { SignedEntry } from './signed-entry.ts';
import { checkSet } from './signed-entry.ts';

/**
 * The log entry of a legacy signature in cosign's order (pkg/cosign/verify.go, VerifyBundle): it is about this signature, this signer
 * and these bytes, and a trusted log has promised it. Throws {@link Mismatch}.
 */
export function checkLegacyLog(parts: LegacyParts, question: Question): void {
  const { entry } = parts;
  const key = question.requirement.key?.key;
  if (entry === undefined) throw withoutEntry(parts, question, key);
  within('error verifying bundle', () => {
    if (parts.oddBody === true) throw new Mismatch('bundle payload body is not a string');
    // What is read first of an attestation, which has no signature beside it, is the signer.
    const part = parts.signature === '' ? 'key' : 'signature';
    const body = within(`failed to extract ${part} from bundle`, () => readEntryBody(Buffer.from(entry.body, 'base64').toString('utf8')));
    if (parts.signature !== '') compareSignatures(body, parts);
    comparePublicKeys(body, signerPem(parts.certificate, key));
    compareHash(body, parts.payload);
    const { material } = trustOf(question);
    if (question.inParts) checkSetInParts(entry, material.tlogs);
    else within('verifying bundle with trusted root', () => checkSet(entry, material.tlogs));
  });
}

/** Where the logs' keys were given in files, cosign has another order and other words. */
function checkSetInParts(entry: SignedEntry, logs: TrustRoot['material']['tlogs']): void {
  const odd = logs.find(({ publicKey }) => publicKey.asymmetricKeyType !== 'ec');
  if (odd !== undefined) throw new Mismatch(`rekor Public key for LogID ${odd.logID.toString('hex')} is not type ecdsa.PublicKey`);
  if (!logs.some(({ logID }) => logID.toString('hex') === entry.logId)) throw new Mismatch('verifying bundle: rekor log public key not found for payload');
  checkSet(entry, logs);
}

function withoutEntry({ certificate }: LegacyParts, { options }: Question, key: KeyObject | undefined): Mismatch {
  if (options.offline) return new Mismatch('offline verification failed');
  // As cosign, which needs the signer's key to ask a log; it would go on to ask one now.
  const signer = new Mismatch('no transparency log entry is stored with the signature, and no log is asked online');
  try {
    signerPem(certificate, key);
    return signer;
  } catch (error) {
    return error instanceof Mismatch ? error : signer;
  }
}

function compareSignatures(body: EntryBody, { signature }: LegacyParts): void {
  if (body.signature === undefined) throw new Mismatch('failed to extract signature from bundle: unsupported type');
  if (body.signature !== '' && body.signature !== signature) throw new Mismatch('signature in bundle does not match signature being verified');
}

function signerPem(certificate: X509Certificate | undefined, key: KeyObject | undefined): string {
  if (certificate !== undefined && key !== undefined && !certificate.publicKey.equals(key)) {
    throw new Mismatch('both public key and certificate were provided but did not match');
  }
  if (certificate !== undefined) return pemOf('CERTIFICATE', certificate.raw);
  if (key === undefined) throw new Mismatch('empty key');
  return pemOf('PUBLIC KEY', key.export({ type: 'spki', format: 'der' }));
}

function pemOf(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

function comparePublicKeys({ key }: EntryBody, signer: string): void {
  const logged = Buffer.from(key, 'base64').toString('latin1');
  const [, rest = ''] = /-----END [^\n]*-----[ \t]*\r?\n?([\s\S]*)$/.exec(logged) ?? [];
  if (rest !== '') throw new Mismatch(`unexpected PEM block: ${rest}`);
  const [own, other] = [readPem(signer)[0], readPem(logged)[0]];
  if (own === undefined || other === undefined || !own.der.equals(other.der)) {
    throw new Mismatch(`comparing public key PEMs, expected ${signer}, got ${logged}`);
  }
}

function compareHash({ hash }: EntryBody, payload: Buffer): void {
  if (hash.algorithm !== 'sha256') throw new Mismatch(`unexpected algorithm: ${JSON.stringify(hash.algorithm)}`);
  const found = createHash('sha256').update(payload).digest('hex');
  if (hash.value !== found) throw new Mismatch(`matching bundle to payload: bundle=${JSON.stringify(hash.value)}, payload=${JSON.stringify(found)}`);
}
