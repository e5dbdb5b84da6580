import { asList, JsonError } from '../../signatures/json.ts';
import { parseStatement } from '../../signatures/statement.ts';
import { checkAnnotations } from './annotations.ts';
import { jsonProblem } from './go-json.ts';
import { Mismatch, within } from './mismatch.ts';
import type { Question } from './question.ts';

type Json = Readonly<Record<string, unknown>>;

const IN_TOTO = 'application/vnd.in-toto+json';
const MAX_SUBJECTS = 1024;
const MAX_DIGESTS = 32;

/** The image among the subjects of a bundle's statement (sigstore-go, verifyEnvelopeWithArtifactDigests). Throws {@link Mismatch}. */
export function checkArtifact({ payload, payloadType }: { readonly payload: Buffer; readonly payloadType: string }, { digest, requirement }: Question): void {
  const subjects = within('could not verify artifact: unable to extract statement from envelope: validation error', () => {
    if (payloadType !== IN_TOTO) throw new Mismatch('unsupported media type');
    try {
      return asList(parseStatement(payload, requirement.profile, requirement.wants)['subject'], 'subject').map(object);
    } catch (error) {
      throw error instanceof JsonError ? new Mismatch('invalid attestation: decoding json', { cause: error }) : error;
    }
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
  for (const subject of subjectsOf(payload)) {
    if (object(subject['digest'])['sha256'] !== digest.slice('sha256:'.length)) continue;
    checkAnnotations({ digest, annotations: object(subject['annotations']) }, options.annotations);
    return;
  }
  throw new Mismatch('no matching subject digest found');
}

function subjectsOf(payload: Buffer): readonly Json[] {
  const text = payload.toString('utf8');
  const problem = jsonProblem(text);
  if (problem !== undefined) throw new Mismatch(problem);
  const list = object(JSON.parse(text))['subject'];
  return Array.isArray(list) ? list.map(object) : [];
}

function object(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}
