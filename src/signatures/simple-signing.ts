import { isDigest } from '../base/digest.ts';
import { asObject, asString, JsonError, parseJson } from './json.ts';
import type { JsonObject } from './json.ts';
import type { Profile, Subject } from './types.ts';

/** What the signed bytes say, of however many artifacts. */
export interface Claim {
  /** `critical.type` or the predicate type. */
  readonly type: string;
  readonly subjects: readonly Subject[];
}

/** The only `critical.type` that cosign writes (specs/SIGNATURE_SPEC.md). */
const TYPE = 'cosign container image signature';

/**
 * Reads a legacy payload (simple signing). The cosign profile finds keys as Go does, in any case and the last one wins, and looks
 * neither at the type nor for the name; what it cannot read says nothing of any image, which matters only where claims are checked.
 * Throws {@link JsonError}.
 */
export function readSimpleSigning(payload: Uint8Array, profile: Profile): Claim {
  if (profile.strictJson) return read(payload, profile);
  try {
    return read(payload, profile);
  } catch (error) {
    if (error instanceof JsonError) return { type: '', subjects: [] };
    throw error;
  }
}

function read(payload: Uint8Array, { limits, strictJson }: Profile): Claim {
  const root = asObject(parseJson(payload, { strict: strictJson, maxDepth: limits.jsonDepth }), 'the payload');
  const field = strictJson ? exactField : goField;
  const critical = asObject(field(root, 'critical'), 'critical');
  const digest = field(asObject(field(critical, 'image'), 'critical.image'), 'docker-manifest-digest');
  const absent = strictJson ? undefined : '';
  const identity = asObject(field(critical, 'identity') ?? (strictJson ? undefined : {}), 'critical.identity');
  const reference = field(identity, 'docker-reference') ?? absent;
  const type = asString(field(critical, 'type') ?? absent, 'critical.type');
  if (strictJson && type !== TYPE) {
    throw new JsonError(`critical.type is ${JSON.stringify(type.slice(0, 128))} instead of ${JSON.stringify(TYPE)}`);
  }
  if (!isDigest(digest)) throw new JsonError('critical.image.docker-manifest-digest is not a sha256 digest');
  const name = asString(reference, 'critical.identity.docker-reference');
  return { type, subjects: [{ digest, name, annotations: asObject(field(root, 'optional') ?? {}, 'optional') }] };
}

/**
 * A member by exactly this name. One beside it in another case is refused: cosign would take the last of the two, so that they were two payloads
 * in one signature. Throws {@link JsonError}.
 */
export function exactField(object: JsonObject, name: string): unknown {
  if (!Object.hasOwn(object, name)) return undefined;
  const alike = Object.keys(object).find((key) => key !== name && isAlike(key, name));
  if (alike !== undefined) throw new JsonError(`has the key ${JSON.stringify(alike.slice(0, 64))}, which can be read as ${JSON.stringify(name)}`);
  return object[name];
}

/** A member as encoding/json of Go decodes it into a struct: in any case, and the last one wins. */
export function goField(object: JsonObject, name: string): unknown {
  return Object.entries(object).findLast(([key]) => isAlike(key, name))?.[1];
}

/** Simple case folding, as Go does it: to it the long s (U+017F) is an s and the Kelvin sign (U+212A) a k, and a dotless i is no i. */
function isAlike(key: string, name: string): boolean {
  return key.length === name.length && new RegExp(`^${RegExp.escape(name)}$`, 'iu').test(key);
}
