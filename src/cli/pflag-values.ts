/** Go's strconv.ParseBool. Throws with its words. */
export function readSwitch(value: string): boolean {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(value)) return false;
  throw new Error(`strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`);
}

const MAX_INT64 = 2n ** 63n;

/** Go's strconv.ParseInt with base 0: decimal, or hexadecimal, octal and binary with their prefix. Throws with its words. */
export function readNumber(value: string): number {
  const [, sign = '', digits = ''] = /^([+-]?)(0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|\d+)$/.exec(value) ?? [];
  if (digits === '') throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  const octal = /^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits;
  const size = BigInt(octal);
  if (size > MAX_INT64 - (sign === '-' ? 0n : 1n)) throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(value)}: value out of range`);
  return Number(sign === '-' ? -size : size);
}

/** One line of CSV (RFC 4180), as pflag's StringSlice takes it. Throws with Go's words where a quote is out of place. */
export function readCsv(value: string): readonly string[] {
  if (value === '') return [];
  const fields: string[] = [];
  for (let at = 0; at <= value.length; ) {
    const { field, end } = value[at] === '"' ? quotedField(value, at) : plainField(value, at);
    fields.push(field);
    at = end + 1;
  }
  return fields;
}

interface Field {
  readonly field: string;
  /** Where the comma after it is, or the end of the text. */
  readonly end: number;
}

function plainField(value: string, start: number): Field {
  const comma = value.indexOf(',', start);
  const end = comma < 0 ? value.length : comma;
  const field = value.slice(start, end);
  if (field.includes('"')) throw new Error(`parse error on line 1, column ${start + field.indexOf('"') + 1}: bare " in non-quoted-field`);
  return { field, end };
}

function quotedField(value: string, start: number): Field {
  let field = '';
  for (let at = start + 1; ; ) {
    const quote = value.indexOf('"', at);
    const after = value[quote + 1];
    if (quote < 0 || (after !== undefined && after !== '"' && after !== ',')) {
      const column = (quote < 0 ? value.length : quote) + 1;
      throw new Error(`parse error on line 1, column ${column}: extraneous or missing " in quoted-field`);
    }
    field += value.slice(at, quote);
    if (after !== '"') return { field, end: quote + 1 };
    field += '"';
    at = quote + 2;
  }
}

const UNITS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Go's time.ParseDuration (`1h30m`, `90s`, `1.5h`), in milliseconds. Throws with its words. */
export function readDuration(value: string): number {
  const [, sign = '', rest = ''] = /^([+-]?)(.*)$/s.exec(value) ?? [];
  if (rest === '0') return 0;
  const shape = /^(?:(?:\d+\.?\d*|\.\d+)[^\d.]*)+$/;
  if (!shape.test(rest)) throw new Error(`time: invalid duration ${JSON.stringify(value)}`);
  let total = 0;
  for (const [, amount = '', unit = ''] of rest.matchAll(/(\d+\.?\d*|\.\d+)([^\d.]*)/g)) {
    const size = UNITS[unit];
    if (unit === '') throw new Error(`time: missing unit in duration ${JSON.stringify(value)}`);
    if (size === undefined) throw new Error(`time: unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(value)}`);
    total += Number(amount) * size;
  }
  return sign === '-' ? -total : total;
}
