import { checkAnnotations } from './annotations.ts';
import { Mismatch, within } from './mismatch.ts';
import type { Question } from './question.ts';

type Json = Readonly<Record<string, unknown>>;

const IN_TOTO = 'application/vnd.in-toto+json';
const MAX_SUBJECTS = 1024;
const MAX_DIGESTS = 32;

/** The image among the subjects of a bundle's statement (sigstore-go, verifyEnvelopeWithArtifactDigests). Throws {@link Mismatch}. */
export function checkArtifact({ payload, payloadType }: { readonly payload: Buffer; readonly payloadType: string }, { digest }: Question): void {
  const subjects = within('could not verify artifact: unable to extract statement from envelope: validation error', () => {
    if (payloadType !== IN_TOTO) throw new Mismatch('unsupported media type');
    return subjectsOf(payload, 'invalid attestation: decoding json');
  });
  if (subjects.length > MAX_SUBJECTS) throw new Mismatch(`too many subjects: ${subjects.length} > ${MAX_SUBJECTS}`);
  const digests = subjects.map((subject) => object(subject['digest']));
  const many = digests.map((one) => Object.keys(one).length).find((count) => count > MAX_DIGESTS);
  if (many !== undefined) throw new Mismatch(`too many digests: ${many} > ${MAX_DIGESTS}`);
  const found = digests.flatMap(({ sha256 }) => (typeof sha256 === 'string' ? [sha256.toLowerCase()] : []));
  if (found.length === 0) throw new Mismatch('provided artifact digests does not match digests in statement');
  if (!found.includes(digest.slice('sha256:'.length))) throw new Mismatch('provided artifact digest does not match any digest in statement');
}

/** The claims of a statement: its first subject that is the image has the annotations (cosign, IntotoSubjectClaimVerifier). Throws {@link Mismatch}. */
export function checkStatement(payload: Buffer, { digest, options }: Question): void {
  for (const subject of subjectsOf(payload, 'the payload is not a statement')) {
    if (object(subject['digest'])['sha256'] !== digest.slice('sha256:'.length)) continue;
    checkAnnotations({ digest, annotations: object(subject['annotations']) }, options.annotations);
    return;
  }
  throw new Mismatch('no matching subject digest found');
}

function subjectsOf(payload: Buffer, otherwise: string): readonly Json[] {
  let statement: unknown;
  try {
    statement = JSON.parse(payload.toString('utf8'));
  } catch (error) {
    throw new Mismatch(otherwise, { cause: error });
  }
  const list = object(statement)['subject'] ?? [];
  if (!Array.isArray(list)) throw new Mismatch(otherwise);
  return list.map(object);
}

function object(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}
