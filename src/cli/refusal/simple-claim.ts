type Json = Readonly<Record<string, unknown>>;

/** What a legacy payload says of its image. */
export interface SimpleClaim {
  /** Empty where there is none. */
  readonly digest: string;
  readonly annotations: Json;
}

/** Reads a payload (simple signing) as encoding/json does into a struct: keys in any case, the last one wins, null is nothing. Throws SyntaxError. */
export function readClaim(payload: Buffer): SimpleClaim {
  const root = object(JSON.parse(payload.toString('utf8')));
  const digest = field(object(field(object(field(root, 'critical')), 'image')), 'docker-manifest-digest');
  return { digest: typeof digest === 'string' ? digest : '', annotations: object(field(root, 'optional')) };
}

function field(parent: Json, name: string): unknown {
  return Object.entries(parent).findLast(([key]) => key.toLowerCase() === name)?.[1];
}

function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}
