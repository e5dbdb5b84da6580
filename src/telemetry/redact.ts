const MAX_DEPTH = 4;
const MAX_ENTRIES = 50;
const MAX_STRING = 2048;
const MAX_CAUSES = 4;
const REDACTED = '[redacted]';

const SECRET_NAME =
  /^(?:auth|authorization|proxy-authorization|cookie|set-cookie|stringdata|identity_?token|registry_?token)$|(?:password|passwd|passphrase|token|secret|credential|credentials|private_?key|api_?key|access_?key)$/i;

/** Text that is a credential wherever it stands: bearer and basic values, user info in URLs, private keys, JWTs. */
const SECRET_TEXT: readonly (readonly [RegExp, string])[] = [
  // Told from "Basic authentication" by a character that an English word does not have.
  [/\b([Bb]earer|[Bb]asic)\s+(?=[a-z.-]*[A-Z0-9+/=_~])[A-Za-z0-9+/=._~-]{8,}/g, `$1 ${REDACTED}`],
  [/\b([a-z][a-z0-9+.-]{0,31}:\/\/)[^\s/@]{1,1024}@/gi, `$1${REDACTED}@`],
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g, REDACTED],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g, REDACTED],
];

function plainText(text: string): string {
  // Cut first: the patterns then never run over more than a bounded text, and a cut secret still begins like one.
  let result = text.length > MAX_STRING ? `${text.slice(0, MAX_STRING)}…` : text;
  for (const [pattern, replacement] of SECRET_TEXT) result = result.replaceAll(pattern, replacement);
  return result;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function plainError(error: Error, causes: number): Record<string, unknown> {
  const code: unknown = 'code' in error ? error.code : undefined;
  const fields: Record<string, unknown> = { name: error.name };
  if (typeof code === 'string' || typeof code === 'number') fields['code'] = code;
  fields['message'] = plainText(error.message);
  // A coded error says all there is to say; anything else is a defect, and its stack is how it is found.
  if (code === undefined && causes === 0 && error.stack !== undefined) fields['stack'] = plainText(error.stack);
  if (error.cause !== undefined && causes < MAX_CAUSES) {
    fields['cause'] = error.cause instanceof Error ? plainError(error.cause, causes + 1) : plain(error.cause, MAX_DEPTH);
  }
  return fields;
}

function plainObject(value: object, depth: number): Record<string, unknown> {
  const isSecret = 'kind' in value && value.kind === 'Secret';
  const result: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value).slice(0, MAX_ENTRIES)) {
    if (member === undefined) continue;
    const hidden = typeof member !== 'boolean' && (SECRET_NAME.test(name) || (isSecret && name === 'data'));
    result[name] = hidden ? REDACTED : plain(member, depth + 1);
  }
  return result;
}

/**
 * A bounded copy of `value` that is safe to log: members named like credentials and text that looks like one are
 * replaced, `data` of a Secret too, errors become name, code, message and at most four causes, and of class instances
 * (requests, headers, buffers, kubeconfigs) only the name of the class is left. Never throws.
 */
export function plain(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return plainText(value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'bigint' || typeof value === 'symbol') return value.toString();
  if (typeof value === 'function') return '[Function]';
  if (typeof value !== 'object') return undefined;
  if (value instanceof Error) return plainError(value, 0);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? String(value) : value.toISOString();
  if (depth >= MAX_DEPTH) return '[…]';
  if (Array.isArray(value)) return value.slice(0, MAX_ENTRIES).map((member: unknown) => plain(member, depth + 1));
  return isPlain(value) ? plainObject(value, depth) : `[${value.constructor.name}]`;
}
