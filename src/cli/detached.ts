import type { ImageReference } from '../api/image-reference.ts';
import type { Digest } from '../base/digest.ts';
import type { LegacyCandidate } from '../signatures/types.ts';
import type { CliContext } from './context.ts';
import { VerifyError, fileError } from './verify-error.ts';
import { InOrder, goJson } from './verify-json.ts';
import type { Flags } from './verify-flags.ts';
import { referenceName } from './verify-output.ts';

/** The image that a detached signature is held against. */
export interface DetachedImage {
  readonly image: ImageReference;
  readonly digest: Digest;
  /** PEM of the signer's certificate (`--certificate`). */
  readonly certificate?: string;
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * The signature of `--signature` (a file of base64 or of bytes, else the base64 itself) over the bytes of `--payload`, or over what
 * cosign once implied where none are given; undefined without the flag. Throws {@link VerifyError}.
 */
export async function detachedSignature(flags: Flags, { image, digest, certificate }: DetachedImage, context: CliContext): Promise<LegacyCandidate | undefined> {
  const { signature, payload } = flags.text;
  if (!signature) return undefined;
  const bytes = await optionalFile(signature, context);
  const text = bytes === undefined ? signature : Buffer.from(bytes).toString('latin1');
  const compact = text.replaceAll(/[\r\n]/g, '');
  const base64 = BASE64.test(compact) ? compact : Buffer.from(bytes ?? signature).toString('base64');
  return {
    format: 'legacy',
    location: `--signature ${signature.slice(0, 128)}`,
    payload: payload ? await file(payload, context) : impliedPayload(image, digest, context),
    annotations: { 'dev.cosignproject.cosign/signature': base64, ...(certificate === undefined ? {} : { 'dev.sigstore.cosign/certificate': certificate }) },
  };
}

async function optionalFile(path: string, { readFile }: CliContext): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENAMETOOLONG') return undefined;
    throw new VerifyError('Other', fileError(path, error), { cause: error });
  }
}

async function file(path: string, { readFile }: CliContext): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new VerifyError('Other', fileError(path, error), { cause: error });
  }
}

/** What `cosign generate` prints for an image by its digest. */
function impliedPayload(image: ImageReference, digest: Digest, { stderr }: CliContext): Uint8Array {
  const reference = referenceName({ ...image, digest });
  stderr(`WARNING: using obsolete implied signature payload data (with digested reference ${reference}); specify it explicitly with --payload instead\n`);
  const name = reference.replace(/@.*$/, '');
  const critical = new InOrder([
    ['identity', new InOrder([['docker-reference', name]])],
    ['image', new InOrder([['docker-manifest-digest', digest]])],
    ['type', 'cosign container image signature'],
  ]);
  return Buffer.from(goJson(new InOrder([['critical', critical], ['optional', null]])));
}
