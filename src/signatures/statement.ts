import { isDigest } from '../base/digest.ts';
import { asList, asObject, asString, JsonError, parseJson } from './json.ts';
import type { JsonObject } from './json.ts';
import { readProto } from './proto-json.ts';
import type { ProtoMessage } from './proto-json.ts';
import type { Claim } from './simple-signing.ts';
import { SignatureError } from './types.ts';
import type { Profile, Requirement, Subject } from './types.ts';

/** The payload type of an in-toto statement in a DSSE envelope (in-toto/attestation, spec/v1/envelope.md). */
export const IN_TOTO = 'application/vnd.in-toto+json';

const STATEMENT_TYPES: ReadonlySet<string> = new Set(['https://in-toto.io/Statement/v1', 'https://in-toto.io/Statement/v0.1']);
/** As sigstore-go. */
const MAX_DIGESTS = 32;
/** Members and elements of an attestation: a large SBOM has some hundred thousands. */
const MAX_ATTESTATION_PARTS = 1_048_576;

/** The JSON of a statement, nothing in it looked at yet. Throws {@link JsonError}. */
export function parseStatement(payload: Uint8Array, { limits, statementMembers }: Profile, wants: Requirement['wants']): JsonObject {
  const options = { strict: true, maxDepth: limits.jsonDepth, ...(wants === 'Attestation' ? { maxParts: MAX_ATTESTATION_PARTS } : {}) };
  const statement = asObject(parseJson(payload, options), 'the statement');
  return statementMembers === 'Any' ? statement : readProto(statement, STATEMENT, 'the statement');
}

/** in-toto/attestation, protos/in_toto_attestation/v1. */
const STATEMENT: ProtoMessage = {
  fields: {
    _type: 'string',
    subject: [{ fields: { name: 'string', uri: 'string', digest: 'strings', content: 'bytes', downloadLocation: 'string', mediaType: 'string', annotations: 'struct' } }],
    predicateType: 'string',
    predicate: 'struct',
  },
  aliases: { _type: 'type' },
};

/**
 * Reads an in-toto statement (in-toto/attestation, spec/v1/statement.md); where a signature is wanted, its predicate type must be one of
 * the profile's. A subject whose SHA-256 is none is refused or, with `Skip`, speaks of no image. Throws {@link JsonError} or {@link SignatureError}.
 */
export function readStatement(payload: Uint8Array, profile: Profile, wants: Requirement['wants'], oddDigests: 'Refuse' | 'Skip' = 'Refuse'): Claim {
  const statement = parseStatement(payload, profile, wants);
  const { limits, predicateTypes, statementMembers } = profile;
  // cosign holds no statement against its type.
  const absent = statementMembers === 'Any' ? undefined : '';
  const version = asString(statement['_type'] ?? absent, '_type');
  if (statementMembers === 'Any' && !STATEMENT_TYPES.has(version)) {
    throw new JsonError(`_type ${JSON.stringify(version.slice(0, 128))} is not that of an in-toto statement`);
  }
  const type = asString(statement['predicateType'] ?? absent, 'predicateType');
  if (wants !== 'Attestation' && predicateTypes?.includes(type) === false) {
    throw new SignatureError('NoSignature', `it is an attestation of type ${JSON.stringify(type.slice(0, 128))}, not a signature`);
  }
  const members = asList(statement['subject'], 'subject');
  if (members.length === 0) throw new JsonError('subject is empty');
  if (members.length > limits.subjects) {
    throw new SignatureError('LimitExceeded', `the statement has ${members.length} subjects; at most ${limits.subjects} are read`);
  }
  return { type, subjects: members.flatMap((member, index) => readSubject(member, `subject[${index}]`, oddDigests)) };
}

/** A subject without a SHA-256 digest speaks of no image. */
function readSubject(member: unknown, where: string, oddDigests: 'Refuse' | 'Skip'): readonly Subject[] {
  const subject = asObject(member, where);
  const digests = asObject(subject['digest'], `${where}.digest`);
  if (Object.keys(digests).length > MAX_DIGESTS) throw new SignatureError('LimitExceeded', `${where} has more than ${MAX_DIGESTS} digests`);
  const hex = digests['sha256'];
  if (hex === undefined) return [];
  const digest = `sha256:${asString(hex, `${where}.digest.sha256`)}`;
  if (!isDigest(digest) && oddDigests === 'Skip') return [];
  if (!isDigest(digest)) throw new JsonError(`${where}.digest.sha256 is not 64 lower-case hexadecimal digits`);
  const name = subject['name'];
  return [
    {
      digest,
      ...(typeof name === 'string' && name !== '' ? { name } : {}),
      annotations: asObject(subject['annotations'] ?? {}, `${where}.annotations`),
    },
  ];
}
