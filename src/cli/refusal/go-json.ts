/** V8's words for what is wrong with JSON, and what Go says of the character there (encoding/json, scanner). */
const PLACES: readonly (readonly [RegExp, string])[] = [
  [/^Unexpected non-whitespace character after JSON/, 'after top-level value'],
  [/^Expected property name|^Expected double-quoted property name/, 'looking for beginning of object key string'],
  [/^Expected ':' after property name/, 'after object key'],
  [/^Expected ',' or '\}'/, 'after object key:value pair'],
  [/^Expected ',' or '\]'/, 'after array element'],
  [/^Bad control character/, 'in string literal'],
  [/^Bad escaped character/, 'in string escape code'],
];

/** What Go's encoding/json says of a text that is no JSON. Undefined for one that is. */
export function jsonProblem(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return inGo(text, error instanceof Error ? error.message : '');
  }
}

/** V8 counts characters and Go bytes: of a character that has several it tells the first. */
function inGo(text: string, message: string): string {
  const [, position] = / at position (\d+)/.exec(message) ?? [];
  const [, token] = /^Unexpected token '(.{1,2})'/su.exec(message) ?? [];
  const found = token ?? (position === undefined ? undefined : String.fromCodePoint(text.codePointAt(Number(position)) ?? 0));
  if (found === undefined || found === '\0' || message.startsWith('Unterminated')) return 'unexpected end of JSON input';
  const [, place = 'looking for beginning of value'] = PLACES.find(([words]) => words.test(message)) ?? [];
  return `invalid character ${quoted(Buffer.from(found, 'utf8').subarray(0, 1).toString('latin1'))} ${place}`;
}

function quoted(character: string): string {
  if (character === "'") return String.raw`'\''`;
  return character === '"' ? `'"'` : `'${JSON.stringify(character).slice(1, -1)}'`;
}

/** What Go's encoding/base64 says of a text with a character that is none of its alphabet; line ends are passed over. Undefined for any other. */
export function base64Problem(text: string): string | undefined {
  const at = text.replace(/=+$/, '').search(/[^A-Za-z0-9+/\r\n]/);
  return at < 0 ? undefined : `illegal base64 data at input byte ${at}`;
}
