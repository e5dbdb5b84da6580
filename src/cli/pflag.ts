import { VerifyError } from './verify-error.ts';
import { readCsv, readDuration, readNumber, readSwitch } from './pflag-values.ts';

/** One flag of a command. */
export interface FlagSpec {
  readonly kind: 'text' | 'switch' | 'list' | 'number' | 'duration';
  /** What it does, in a sentence without its end; for one that is not supported, what it would do. */
  readonly help: string;
  readonly short?: string;
  /** What counts where it is not given: `false`, an empty text or an empty list otherwise. */
  readonly default?: string;
  /** cosign's word on a flag that it calls deprecated, printed when it is used. */
  readonly deprecated?: string;
  /** Set: the flag is known and not supported, and this says what to use instead. */
  readonly instead?: string;
}

export type FlagTable = Readonly<Record<string, FlagSpec>>;

/** What was given: a list for each flag, by name, of its values as they were written; a flag that was not given is not there. */
export interface Given {
  readonly positionals: readonly string[];
  readonly values: ReadonlyMap<string, readonly string[]>;
  /** `--help` or `-h` came first. */
  readonly help: boolean;
}

/**
 * Reads arguments as cosign does (spf13/pflag): `--check-claims=false`, `-a k=v`, `-ojson`, flags after images, `--` for the end of
 * flags. `tell` gets the warning of each deprecated flag when it is met. Throws {@link VerifyError} in pflag's words.
 */
export function readArguments(args: readonly string[], table: FlagTable, tell: (text: string) => void): Given {
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  const rest = args.map((arg) => posixForm(arg, table, tell));
  const set = (name: string, value: string): void => {
    const spec = table[name];
    if (spec === undefined) return;
    checkValue(name, spec, value);
    values.set(name, [...(values.get(name) ?? []), value]);
    if (spec.deprecated !== undefined) tell(`Flag --${name} has been deprecated, ${spec.deprecated}\n`);
  };
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--') {
      positionals.push(...rest);
      break;
    }
    if (!arg.startsWith('-') || arg === '-') positionals.push(arg);
    else if (!(arg.startsWith('--') ? readLong(arg, rest, table, set) : readShort(arg, rest, table, set))) return { positionals, values, help: true };
  }
  return { positionals, values, help: false };
}

/** cosign's older form of long flags, `-key k`, and of short ones, `--o json`: it takes them with a warning. */
function posixForm(arg: string, table: FlagTable, tell: (text: string) => void): string {
  const [, dashes = '', name = ''] = /^(--?)([\w-]+)/.exec(arg) ?? [];
  const isLong = dashes === '-' && name.length > 1 && Object.hasOwn(table, name);
  const isShort = dashes === '--' && arg.length === 3 && Object.values(table).some(({ short }) => short === name);
  if (!isLong && !isShort) return arg;
  const form = isLong ? `-${arg}` : arg.slice(1);
  tell(isLong ? `WARNING: the ${arg} flag is deprecated and will be removed in a future release. Please use the ${form} flag instead.\n` : `WARNING: the flag ${arg} is deprecated and will be removed in a future release. Please use the flag ${form}.\n`);
  return form;
}

type SetFlag = (name: string, value: string) => void;

/** False where it asks for help. */
function readLong(arg: string, rest: string[], table: FlagTable, set: SetFlag): boolean {
  const text = arg.slice(2);
  if (text === '' || text.startsWith('-') || text.startsWith('=')) throw new VerifyError('Other', `bad flag syntax: ${arg}`);
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  const spec = specOf(table, name);
  if (spec === undefined) {
    if (name === 'help') return false;
    throw new VerifyError('Other', `unknown flag: --${name}`);
  }
  if (equals >= 0) set(name, text.slice(equals + 1));
  else if (spec.kind === 'switch') set(name, 'true');
  else set(name, next(rest, `--${name}`));
  return true;
}

/** A group of short flags, of which the last may hold a value: `-dojson`, `-a=k=v`. */
function readShort(arg: string, rest: string[], table: FlagTable, set: SetFlag): boolean {
  for (let text = arg.slice(1); text !== ''; ) {
    const letter = text.slice(0, 1);
    const found = Object.entries(table).find(([, { short }]) => short === letter);
    if (found === undefined) {
      if (letter === 'h') return false;
      throw new VerifyError('Other', `unknown shorthand flag: '${letter}' in -${text}`);
    }
    const [name, { kind }] = found;
    if (text.length > 2 && text[1] === '=') {
      set(name, text.slice(2));
      return true;
    }
    if (kind === 'switch') {
      set(name, 'true');
      text = text.slice(1);
      continue;
    }
    set(name, text.length > 1 ? text.slice(1) : next(rest, `'${letter}' in -${text}`));
    return true;
  }
  return true;
}

function next(rest: string[], flag: string): string {
  const value = rest.shift();
  if (value === undefined) throw new VerifyError('Other', `flag needs an argument: ${flag}`);
  return value;
}

function specOf(table: FlagTable, name: string): FlagSpec | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** What the command line leaves open, from `COSIGN_…` variables; one that cannot be read there is passed over, as cosign does. */
export function addVariables(given: Given, table: FlagTable, env: Readonly<Record<string, string | undefined>>, tell: (text: string) => void): Given {
  const values = new Map(given.values);
  for (const [name, spec] of Object.entries(table)) {
    const value = env[variableOf(name)];
    if (value === undefined || value === '' || values.has(name) || !isReadable(name, spec, value)) continue;
    values.set(name, [value]);
    if (spec.deprecated !== undefined) tell(`Flag --${name} has been deprecated, ${spec.deprecated}\n`);
  }
  return { ...given, values };
}

/** The variable that stands for a flag: `COSIGN_CHECK_CLAIMS`. */
export function variableOf(name: string): string {
  return `COSIGN_${name.toUpperCase().replaceAll('-', '_')}`;
}

function isReadable(name: string, spec: FlagSpec, value: string): boolean {
  try {
    checkValue(name, spec, value);
    return true;
  } catch (error) {
    if (error instanceof VerifyError) return false;
    throw error;
  }
}

const READERS: Readonly<Record<FlagSpec['kind'], (value: string) => unknown>> = {
  text: (value) => value,
  switch: readSwitch,
  list: readCsv,
  number: readNumber,
  duration: readDuration,
};

function checkValue(name: string, { kind, short }: FlagSpec, value: string): void {
  try {
    READERS[kind](value);
  } catch (error) {
    const flag = short === undefined ? `--${name}` : `-${short}, --${name}`;
    const why = error instanceof Error ? error.message : String(error);
    throw new VerifyError('Other', `invalid argument ${JSON.stringify(value)} for "${flag}" flag: ${why}`, { cause: error });
  }
}
