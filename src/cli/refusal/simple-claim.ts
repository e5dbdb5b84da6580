import type { JsonObject } from '../../signatures/json.ts';
import { goField } from '../../signatures/simple-signing.ts';
import { jsonProblem } from './go-json.ts';
import { Mismatch } from './mismatch.ts';

/** What a legacy payload says of its image. */
export interface SimpleClaim {
  /** Empty where there is none. */
  readonly digest: string;
  readonly annotations: JsonObject;
}

/** Reads a payload (simple signing) as encoding/json does into a struct: keys in any case, the last one wins, null is nothing. Throws {@link Mismatch}. */
export function readClaim(payload: Buffer): SimpleClaim {
  const text = payload.toString('utf8');
  const problem = jsonProblem(text);
  if (problem !== undefined) throw new Mismatch(problem);
  const root = object(JSON.parse(text));
  const digest = goField(object(goField(object(goField(root, 'critical')), 'image')), 'docker-manifest-digest');
  return { digest: typeof digest === 'string' ? digest : '', annotations: object(goField(root, 'optional')) };
}

function object(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}
