import { celEnv, isCelError, parse, plan } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { compileRe2, type Re2 } from '../api/re2.ts';
import { CodedError, messageOf } from '../base/errors.ts';
import { celView } from './cel-view.ts';
import { harmless } from './sentences.ts';

/** Thrown by {@link checkPredicate}; the message says what is wrong with the expression. */
export class PredicateError extends CodedError<'Malformed' | 'TooComplex' | 'Unknown'> {}

/** What a statement is, as an expression sees it: everything that was signed (in-toto/attestation, spec/v1/statement.md). */
export type StatementJson = Readonly<Record<string, unknown>>;

/** Whether a statement satisfies an expression; where it does not, `why` says in a few words what came out instead. Plain data. */
export type PredicateAnswer = { readonly satisfied: true } | { readonly satisfied: false; readonly why: string };

/** The names that an expression can use, apart from those that it binds itself. */
export const PREDICATE_VARIABLES = Object.freeze(['predicate', 'predicateType', 'subject', 'statement'] as const);

/** Comprehensions (`all`, `exists`, `map`, …) inside of each other: a third would take the cube of a list's length. */
const MAX_NESTING = 2;
const MAX_DEPTH = 256;
/** Opening brackets: the library's parser takes the cube of how many it finds inside of each other, and seconds for 600. */
const MAX_BRACKETS = 128;
/** Characters of a name that are told. */
const MAX_NAME = 64;
/** Names of CEL's own types, which can be used as values. */
const TYPES: ReadonlySet<string> = new Set(['bool', 'bytes', 'double', 'dyn', 'int', 'list', 'map', 'null_type', 'string', 'type', 'uint']);

type Parsed = ReturnType<typeof parse>;
type Expression = Parsed['expr'];
type Program = (bindings: Readonly<Record<string, unknown>>) => unknown;

const MAX_PROGRAMS = 64;
const MAX_PATTERNS = 64;
const programs = new Map<string, Program>();
const patterns = new Map<string, { test(text: string): boolean }>();
/** CEL's own `matches` would take patterns of any size; ours are RE2 with the bounds of every other pattern. */
const environment = celEnv({ funcs: [...strings], re2: { compile: (pattern) => remembered(patterns, MAX_PATTERNS, pattern, () => matcher(compileRe2(pattern))) } });

/**
 * Checks an expression without evaluating it: that it is CEL (https://cel.dev), uses only what there is, and does not nest deeper than
 * can be evaluated in time. Throws {@link PredicateError}, or Re2Error for a pattern in it.
 */
export function checkPredicate(source: string): void {
  const { expr } = parsed(source);
  inspect(expr, { depth: 0, nesting: 0, bound: new Set(PREDICATE_VARIABLES) });
  for (const pattern of patternsIn(expr)) compileRe2(pattern);
}

/** The patterns that an expression holds; nothing where it does not parse. Whoever checks many expressions bounds their sum first. */
export function predicatePatterns(source: string): readonly string[] {
  try {
    return patternsIn(parsed(source).expr);
  } catch (error) {
    if (error instanceof PredicateError) return [];
    throw error;
  }
}

/**
 * Evaluates an expression over a statement. Only the value `true` satisfies: the library returns an error as an object, which any
 * test of truth would take for a yes. Synchronous, without a deadline of its own. Never throws.
 */
export function evaluatePredicate(source: string, statement: StatementJson): PredicateAnswer {
  try {
    const program = remembered(programs, MAX_PROGRAMS, source, () => plan(environment, parsed(source)) as Program);
    const value = program(bindingsOf(statement));
    if (value === true) return { satisfied: true };
    return { satisfied: false, why: value === false ? 'it is false' : isCelError(value) ? `it cannot be evaluated: ${value.message}` : 'it gives something else than true or false' };
  } catch (error) {
    return { satisfied: false, why: `it cannot be evaluated: ${messageOf(error, 200)}` };
  }
}

/** How many opening brackets an expression has, in texts too. */
export function bracketsIn(source: string): number {
  return source.match(/[([{]/g)?.length ?? 0;
}

/** WARNING: what nobody may be kept waiting by has to be counted before it is parsed. */
function parsed(source: string): Parsed {
  const brackets = bracketsIn(source);
  if (brackets > MAX_BRACKETS) throw new PredicateError('TooComplex', `has ${brackets} opening brackets, and at most ${MAX_BRACKETS} are read; write it shorter`);
  try {
    return parse(source);
  } catch (error) {
    if (error instanceof RangeError) throw new PredicateError('TooComplex', 'is nested too deeply', { cause: error });
    throw new PredicateError('Malformed', `is no CEL expression: ${harmless(messageOf(error, 200), 200)}`, { cause: error });
  }
}

interface Place {
  readonly depth: number;
  readonly nesting: number;
  readonly bound: ReadonlySet<string>;
}

function inspect(expression: Expression | undefined, place: Place): void {
  if (expression === undefined) return;
  if (place.depth > MAX_DEPTH) throw new PredicateError('TooComplex', `is nested deeper than ${MAX_DEPTH}; write it flatter`);
  const { exprKind } = expression;
  const inner = { ...place, depth: place.depth + 1 };
  switch (exprKind.case) {
    case 'identExpr':
      checkName(exprKind.value.name, place.bound);
      break;
    case 'callExpr':
      inspectCall(exprKind.value, inner);
      break;
    case 'structExpr':
      if (exprKind.value.messageName !== '') throw new PredicateError('Unknown', `makes a message of type ${harmless(exprKind.value.messageName, MAX_NAME)}, of which there are none here`);
      for (const part of partsOf(expression)) inspect(part, inner);
      break;
    case 'comprehensionExpr':
      inspectComprehension(exprKind.value, inner);
      break;
    case 'selectExpr':
    case 'listExpr':
    case 'constExpr':
    case undefined:
      for (const part of partsOf(expression)) inspect(part, inner);
      break;
    default:
      exprKind satisfies never;
  }
}

type Kind<Case> = Extract<Expression['exprKind'], { case: Case }>;

function inspectCall(call: Kind<'callExpr'>['value'], place: Place): void {
  const { function: name, target, args } = call;
  const namespace = target?.exprKind.case === 'identExpr' ? target.exprKind.value.name : undefined;
  const qualified = namespace !== undefined && environment.funcs.find(`${namespace}.${name}`) !== undefined;
  // Operators have names such as _&&_ and @not_strictly_false.
  if (!qualified && /^[A-Za-z]/.test(name) && environment.funcs.find(name) === undefined) {
    throw new PredicateError('Unknown', `calls ${harmless(name, MAX_NAME)}(), which there is not`);
  }
  if (!qualified) inspect(target, place);
  for (const argument of args) inspect(argument, place);
}

function inspectComprehension({ iterRange, accuInit, loopCondition, loopStep, result, iterVar, iterVar2, accuVar }: Kind<'comprehensionExpr'>['value'], place: Place): void {
  inspect(iterRange, place);
  inspect(accuInit, place);
  const nesting = place.nesting + 1;
  if (nesting > MAX_NESTING) {
    throw new PredicateError('TooComplex', `has ${nesting} of all(), exists(), exists_one(), map() and filter() inside of each other, and at most ${MAX_NESTING} are evaluated`);
  }
  const inner = { ...place, nesting, bound: new Set([...place.bound, iterVar, iterVar2, accuVar]) };
  for (const part of [loopCondition, loopStep, result]) inspect(part, inner);
}

function checkName(name: string, bound: ReadonlySet<string>): void {
  if (bound.has(name) || TYPES.has(name)) return;
  throw new PredicateError('Unknown', `uses ${harmless(name, MAX_NAME)}, which there is not; there are ${PREDICATE_VARIABLES.join(', ')}`);
}

/** The expressions directly inside of one. */
function partsOf({ exprKind }: Expression): readonly Expression[] {
  switch (exprKind.case) {
    case 'selectExpr':
      return defined([exprKind.value.operand]);
    case 'callExpr':
      return defined([exprKind.value.target, ...exprKind.value.args]);
    case 'listExpr':
      return exprKind.value.elements;
    case 'structExpr':
      return defined(exprKind.value.entries.flatMap(({ keyKind, value }) => [keyKind.case === 'mapKey' ? keyKind.value : undefined, value]));
    case 'comprehensionExpr': {
      const { iterRange, accuInit, loopCondition, loopStep, result } = exprKind.value;
      return defined([iterRange, accuInit, loopCondition, loopStep, result]);
    }
    case 'identExpr':
    case 'constExpr':
    case undefined:
      return [];
    default:
      return exprKind satisfies never;
  }
}

function defined(parts: readonly (Expression | undefined)[]): readonly Expression[] {
  return parts.filter((part) => part !== undefined);
}

/** The constants that `matches` is called with; others are known only when it is evaluated. */
function patternsIn(expression: Expression): readonly string[] {
  const { exprKind } = expression;
  const inner = partsOf(expression).flatMap(patternsIn);
  if (exprKind.case !== 'callExpr' || exprKind.value.function !== 'matches') return inner;
  const constant = exprKind.value.args.at(-1)?.exprKind;
  const pattern = constant?.case === 'constExpr' && constant.value.constantKind.case === 'stringValue' ? [constant.value.constantKind.value] : [];
  return [...pattern, ...inner];
}

function matcher(pattern: Re2): { test(text: string): boolean } {
  return { test: (text) => pattern.search(text) };
}

function remembered<Value>(known: Map<string, Value>, most: number, key: string, make: () => Value): Value {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make();
  if (known.size >= most) known.clear();
  known.set(key, made);
  return made;
}

function bindingsOf(statement: StatementJson): Readonly<Record<string, unknown>> {
  const view = celView(statement);
  // WARNING: an object of the usual kind has `constructor` and the like, which an expression could then name.
  return Object.assign(Object.create(null) as Record<string, unknown>, {
    statement: view,
    predicateType: view.get('predicateType') ?? null,
    predicate: view.get('predicate') ?? null,
    subject: view.get('subject') ?? [],
  });
}
