/** One challenge of a `WWW-Authenticate` header; names are in lower case, values as they are. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const MAX_HEADER = 8192;
const MAX_CHALLENGES = 8;
const MAX_PARAMETERS = 16;

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
// More than RFC 9110's token: registries write realms and scopes without quotes.
const BARE = /[^\s",]+/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;
const SPACE = /[ \t]*/y;
const TOKEN68 = /[0-9A-Za-z._~+/-]+=*(?=[ \t]*(?:,|$))/y;

/** A reader over one header; each `take` consumes what matches at the present place. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get done(): boolean {
    return this.#at >= this.#text.length;
  }

  get place(): number {
    return this.#at;
  }

  back(place: number): void {
    this.#at = place;
  }

  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at = pattern.lastIndex;
    return match;
  }

  /** Blanks and commas: empty list elements are allowed (RFC 9110 §5.6.1). */
  skipSeparators(): void {
    this.take(/[ \t,]*/y);
  }
}

/** `name = value`, or nothing where a new challenge begins. */
function parameter(scanner: Scanner): readonly [string, string] | undefined {
  const start = scanner.place;
  const name = scanner.take(TOKEN)?.[0];
  scanner.take(SPACE);
  if (name === undefined || scanner.take(/=/y) === undefined) {
    scanner.back(start);
    return undefined;
  }
  scanner.take(SPACE);
  const quoted = scanner.take(QUOTED);
  if (quoted !== undefined) return [name.toLowerCase(), (quoted[1] ?? '').replaceAll(/\\(.)/g, '$1')];
  return [name.toLowerCase(), scanner.take(BARE)?.[0] ?? ''];
}

function challenge(scanner: Scanner): Challenge | 'malformed' {
  const scheme = scanner.take(TOKEN)?.[0];
  if (scheme === undefined) return 'malformed';
  const parameters = new Map<string, string>();
  const blank = scanner.take(/[ \t]+/y);
  if (blank === undefined || scanner.take(TOKEN68) !== undefined) return { scheme: scheme.toLowerCase(), parameters: {} };
  for (;;) {
    const found = parameter(scanner);
    if (found === undefined) break;
    // Two realms in one challenge: whichever one we took, somebody meant the other.
    if (parameters.has(found[0]) || parameters.size >= MAX_PARAMETERS) return 'malformed';
    parameters.set(found[0], found[1]);
    const before = scanner.place;
    scanner.take(SPACE);
    if (!scanner.done && scanner.take(/,/y) === undefined) {
      scanner.back(before);
      break;
    }
    scanner.skipSeparators();
  }
  return { scheme: scheme.toLowerCase(), parameters: Object.fromEntries(parameters) };
}

/**
 * The challenges of a `WWW-Authenticate` header (RFC 9110 §11.6.1), in order; a malformed one ends the list, and of a
 * header above 8 KiB nothing is read.
 */
export function parseChallenges(value: string | undefined): readonly Challenge[] {
  if (value === undefined || value.length > MAX_HEADER) return [];
  const scanner = new Scanner(value);
  const challenges: Challenge[] = [];
  scanner.skipSeparators();
  while (!scanner.done && challenges.length < MAX_CHALLENGES) {
    const next = challenge(scanner);
    if (next === 'malformed') break;
    challenges.push(next);
    scanner.skipSeparators();
  }
  return challenges;
}
