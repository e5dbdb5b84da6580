import { createRequire } from 'node:module';
import type { RE2JS } from 're2js';
import { CodedError } from '../base/errors.ts';

/** A compiled RE2 pattern: linear in the length of what it searches, whatever the pattern. */
export interface Re2 {
  readonly pattern: string;
  /** Whether the pattern is found anywhere in `text`, as cosign searches; anchor it with `^` and `$` to compare all of it. */
  search(text: string): boolean;
}

/** Thrown by {@link compileRe2}; the message says what is wrong with the pattern. */
export class Re2Error extends CodedError<'PatternInvalid' | 'PatternTooLarge'> {}

/** Characters of a pattern; the schema has the same bound. */
const MAX_PATTERN = 1024;
/**
 * Instructions of the compiled program: `x{1000}` fits once. The library has no bound of its own over a whole pattern, and one of 5,000
 * takes 0.3 s for each text that it is held against, however short; beyond about 2,000 it does not remember what it has learnt of one.
 */
const MAX_PROGRAM = 2_000;
/** What a Unicode class (`\pL`) counts: its hundreds of ranges take the time and memory of as many instructions. */
const UNICODE_CLASS = 100;
const LARGEST = 1_000_000;

/**
 * Compiles an RE2 pattern (https://github.com/google/re2/wiki/Syntax).
 * @throws Re2Error
 */
export function compileRe2(pattern: string): Re2 {
  if (pattern.length > MAX_PATTERN) throw new Re2Error('PatternTooLarge', `the pattern is longer than ${MAX_PATTERN} characters`);
  // Compiling is what takes time and memory here, so it must not be done first.
  if (re2Size(pattern) > MAX_PROGRAM) {
    throw new Re2Error('PatternTooLarge', `the pattern ${shown(pattern)} repeats so much that it compiles to more than ${MAX_PROGRAM} instructions; repeat less`);
  }
  const compiled = compile(pattern);
  return { pattern, search: (text) => compiled.test(text) };
}

let library: { readonly RE2JS: typeof RE2JS } | undefined;

/** `re2js`, loaded with the first pattern: it has tables of all of Unicode, and most calls of `assay verify` name an identity exactly. */
function re2(): typeof RE2JS {
  library ??= createRequire(import.meta.url)('#re2js') as { readonly RE2JS: typeof RE2JS };
  return library.RE2JS;
}

function compile(pattern: string): RE2JS {
  try {
    return re2().compile(pattern);
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : String(error);
    throw new Re2Error('PatternInvalid', `the pattern ${shown(pattern)} is no RE2 regular expression: ${why}`, { cause: error });
  }
}

function shown(pattern: string): string {
  return JSON.stringify(pattern.length <= 80 ? pattern : `${pattern.slice(0, 79)}…`);
}

/** About how many instructions a pattern compiles to: its pieces, each as often as it is repeated. Whoever compiles many bounds their sum. */
export function re2Size(pattern: string): number {
  const groups: number[] = [];
  let size = 0;
  let piece = 0;
  let text = '';
  for (let at = 0; at < pattern.length; at += text.length) {
    text = token(pattern, at);
    const repeat = /^\{(\d{1,4})(?:,(\d{0,4}))?\}/.exec(pattern.slice(at, at + 11));
    if (repeat !== null) {
      text = repeat[0];
      // Above all bounds one number is like another; beyond them, nothing times no repetition would be no number at all.
      size += Math.min(piece, LARGEST) * Math.max(0, Number(repeat[1]), Number(repeat[2] ?? 0));
      continue;
    }
    if (text === '(') {
      groups.push(size);
      size = 0;
    }
    const own = text.startsWith('\\Q') ? text.length : 1 + UNICODE_CLASS * (text.match(/\\[pP]/g)?.length ?? 0);
    piece = text === ')' ? size + own : own;
    size = text === ')' ? (groups.pop() ?? 0) + piece : size + piece;
  }
  return size + groups.reduce((sum, group) => sum + group, 0);
}

/** What makes a pattern accept more than its author may have meant. */
export type Re2Weakness = 'NoStartAnchor' | 'NoEndAnchor' | 'TopLevelAlternation';

/**
 * Names what lets a valid pattern match inside of a longer text. Reads the text, not the program, and says too much
 * rather than too little: `(^a$)` is named although it is anchored.
 */
export function weaknessesOf(pattern: string): readonly Re2Weakness[] {
  const { start, end, alternation } = scan(pattern);
  return [
    ...(start ? [] : ['NoStartAnchor' as const]),
    ...(end ? [] : ['NoEndAnchor' as const]),
    ...(alternation ? ['TopLevelAlternation' as const] : []),
  ];
}

function scan(pattern: string): { start: boolean; end: boolean; alternation: boolean } {
  const flags = /^\(\?[a-zA-Z-]*\)/.exec(pattern)?.[0] ?? '';
  const body = pattern.slice(flags.length);
  // In multi-line mode the anchors are those of a line, which a text with a line break gets past.
  const multiline = /^\(\?[a-zA-Z]*m/.test(flags);
  let depth = 0;
  let alternation = false;
  let last = '';
  for (let at = 0; at < body.length; at += last.length) {
    last = token(body, at);
    if (last === '(') depth += 1;
    else if (last === ')') depth -= 1;
    else if (last === '|' && depth === 0) alternation = true;
  }
  const start = (body.startsWith('^') && !multiline) || body.startsWith('\\A');
  return { start, end: (last === '$' && !multiline) || last === '\\z', alternation };
}

/** The piece of the pattern at `at` that has to be read as one: an escape, a quotation, a class, else one character. */
function token(body: string, at: number): string {
  const rest = body.slice(at);
  if (rest.startsWith('\\Q')) return /^\\Q[^]*?(?:\\E|$)/.exec(rest)?.[0] ?? rest;
  if (rest.startsWith('\\')) return rest.slice(0, 2);
  if (rest.startsWith('[')) return /^\[\^?\]?(?:\[:\^?\w+:\]|\\[^]|[^\]\\])*\]/.exec(rest)?.[0] ?? rest;
  return rest.slice(0, 1);
}
