import { messageOf } from '../base/errors.ts';
import { SEQUENCE } from '../signatures/der.ts';
import { readPem } from '../signatures/pem.ts';
import type { PublicKey } from '../signatures/public-key.ts';
import { PublicKeyError, parsePublicKeys } from '../signatures/public-key.ts';
import type { CliContext } from './context.ts';
import { VerifyError, fileError } from './verify-error.ts';
import type { VerifyOptions } from './verify-options.ts';

/** How a key that is kept elsewhere is got into a file. */
const EXPORT = 'export the public key (cosign public-key --key REFERENCE > cosign.pub), look at it and give its file';
const KMS = ['awskms', 'gcpkms', 'azurekms', 'hashivault'];

/** The public key of `--key`, if one was given: the first of a PEM text, as cosign takes it. Throws {@link VerifyError}. */
export async function loadKey(options: VerifyOptions, context: CliContext): Promise<PublicKey | undefined> {
  const { keyReference, hashAlgorithm } = options;
  if (keyReference === undefined) return undefined;
  const pem = await readKey(keyReference, options, context);
  try {
    const [key, ...others] = parsePublicKeys(pem, hashAlgorithm);
    // Go's verifier of RSA takes no other hashes (sigstore/sigstore, pkg/signature).
    if (key?.key.asymmetricKeyType === 'rsa' && key.hashAlgorithm === 'sha224') throw keyError(options, 'invalid hash function specified');
    if (others.length > 0) context.stderr(`Note: ${keyReference} holds ${others.length + 1} keys; only the first is used, as cosign does\n`);
    return key;
  } catch (error) {
    if (error instanceof VerifyError) throw error;
    throw keyError(options, `pem to public key: ${keyProblem(pem, error)}`, error);
  }
}

/** cosign's words for what it says too. */
function keyProblem(pem: string, error: unknown): string {
  const code = error instanceof PublicKeyError ? error.code : undefined;
  const [, label = ''] = /-----BEGIN ([A-Z0-9 ]{1,40})-----/.exec(pem) ?? [];
  if (code === 'Empty') return 'PEM decoding failed';
  const isKey = KEY_LABELS.has(label) || (code !== 'PrivateKey' && code !== 'Certificate' && code !== 'Unsupported');
  if (isKey) return hasNoParts(pem) ? 'asn1: syntax error: sequence truncated' : messageOf(error);
  return `unknown Public key PEM file type: ${label}. Are you passing the correct public key?`;
}

/** Whether the first PEM block is a DER SEQUENCE of nothing. */
function hasNoParts(pem: string): boolean {
  try {
    const [block] = readPem(pem);
    return block !== undefined && block.der.equals(Buffer.from([SEQUENCE, 0]));
  } catch {
    return false;
  }
}

const KEY_LABELS: ReadonlySet<string> = new Set(['PUBLIC KEY', 'RSA PUBLIC KEY']);

/** cosign's own slip of the pen is part of its interface too. */
function keyError({ command }: VerifyOptions, why: string, cause?: unknown): VerifyError {
  return new VerifyError('Other', `loading ${command === 'verify' ? 'verifier from' : 'verifierfrom'} key opts: loading public key: ${why}`, { cause });
}

async function readKey(reference: string, options: VerifyOptions, context: CliContext): Promise<string> {
  if (reference.startsWith('pkcs11:')) throw keyError(options, `pkcs11: keys are not supported: ${EXPORT}`);
  const [, scheme, rest = ''] = /^([^/]*?):\/\/(.*)$/s.exec(reference) ?? [];
  if (scheme === undefined) return readFileOf(reference, options, context);
  if (scheme === 'env') {
    const value = context.env[rest];
    if (value === undefined) throw keyError(options, `loading URL: env var $${rest} not found`);
    return value;
  }
  if (scheme === 'k8s') return readSecret(rest, options, context);
  if (scheme === 'http' || scheme === 'https') throw keyError(options, `${scheme}:// keys are not fetched: download the file, look at it and give its path`);
  if (scheme === 'gitlab' || KMS.some((kms) => scheme.startsWith(kms))) throw keyError(options, `${scheme}:// keys are not supported: ${EXPORT}`);
  throw keyError(options, `loading URL: unrecognized scheme: ${scheme}://`);
}

async function readFileOf(path: string, options: VerifyOptions, { readFile }: CliContext): Promise<string> {
  try {
    return new TextDecoder().decode(await readFile(path));
  } catch (error) {
    throw keyError(options, fileError(path, error), error);
  }
}

/** `data["cosign.pub"]` of a Secret, read as whoever runs the command (`KUBECONFIG`, `~/.kube/config`, a pod's service account). */
async function readSecret(reference: string, options: VerifyOptions, context: CliContext): Promise<string> {
  const [namespace, name, ...more] = reference.split('/');
  if (!namespace || !name || more.length > 0) {
    throw keyError(options, 'kubernetes specification should be in the format k8s://<namespace>/<secret>');
  }
  const { secretData } = await import('./cluster-secret.ts');
  let data: Readonly<Record<string, string>>;
  try {
    data = await secretData({ namespace, name }, context);
  } catch (error) {
    throw keyError(options, `checking if secret exists: ${messageOf(error)}`, error);
  }
  const key = data['cosign.pub'];
  if (key === undefined) throw keyError(options, `the secret ${namespace}/${name} has no data cosign.pub (cosign generate-key-pair k8s://${namespace}/${name} makes one)`);
  return Buffer.from(key, 'base64').toString('utf8');
}
