import type { X509Certificate } from 'node:crypto';
import { messageOf } from '../base/errors.ts';
import { parsePublicKeys } from '../signatures/public-key.ts';
import type { PublicKey } from '../signatures/public-key.ts';
import type { CliContext } from './context.ts';
import { certificatesIn } from './pem-trust.ts';
import { refusalOf } from './refusal/mismatch.ts';
import { checkSigner } from './refusal/signer.ts';
import type { Bench } from './verify-judge.ts';
import { VerifyError, fileError } from './verify-error.ts';
import type { Flags } from './verify-flags.ts';

/** The signer that `--certificate` names: its key takes the place of `--key` once the certificate has been verified. */
export interface CertificateSigner {
  readonly key: PublicKey;
  readonly pem: string;
}

/**
 * The certificate of `--certificate`, verified as that of a keyless signature is: chain, identity, certificate transparency. Undefined
 * without the flag, and with `--key`, which wins. Throws {@link VerifyError}.
 */
export async function loadCertificate(flags: Flags, bench: Bench, context: CliContext): Promise<CertificateSigner | undefined> {
  const { certificate: path, 'certificate-chain': chain } = flags.text;
  const { options } = bench;
  if (!path || options.keyReference !== undefined) return undefined;
  const failed = (why: string, cause?: unknown): VerifyError =>
    new VerifyError('Other', `loading ${options.command === 'verify' ? 'verifier from' : 'verifierfrom'} key opts: ${why}`, { cause });
  const certificate = await readCertificate(path, context, failed);
  const question = { requirement: bench.requirement, options, inParts: bench.inParts };
  const why = refusalOf(() => checkSigner(certificate.raw, question));
  if (why !== undefined) throw failed(`${chain ? 'validating cert with chain' : 'validating cert'}: ${why}`);
  const pem = certificate.toString();
  const [key] = parsePublicKeys(pem, 'sha256', { certificates: true });
  if (key === undefined) throw failed('loading cert: no certs found in pem file');
  return { key, pem };
}

async function readCertificate(path: string, { readFile }: CliContext, failed: (why: string, cause?: unknown) => VerifyError): Promise<X509Certificate> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw failed(`loading cert: ${fileError(path, error)}`, error);
  }
  const text = Buffer.from(bytes).toString('latin1');
  // A file of base64 of the PEM text is taken too.
  const pem = text.includes('-----BEGIN') ? text : Buffer.from(text, 'base64').toString('latin1');
  try {
    const [certificate] = certificatesIn(pem);
    if (certificate === undefined) throw new Error('no certs found in pem file');
    return certificate;
  } catch (error) {
    throw failed(`loading cert: ${messageOf(error)}`, error);
  }
}
