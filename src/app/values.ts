/** Thrown by the readers of this file; the message continues the sentence "--flag: …". */
export class BadValue extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BadValue';
  }
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a duration as Go writes it (`90s`, `1m30s`, `500ms`), within bounds. */
export function readDuration(text: string, bounds: { readonly min: number; readonly max: number }): number {
  const parts = [...text.matchAll(/(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)/g)];
  const read = parts.map(([part]) => part).join('');
  if (parts.length === 0 || read !== text) throw new BadValue(`"${text}" is not a duration like 30s, 2m or 1m30s`);
  const total = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ''] ?? Number.NaN), 0);
  if (total < bounds.min || total > bounds.max) {
    throw new BadValue(`${text} is out of bounds: it must be from ${durationText(bounds.min)} to ${durationText(bounds.max)}`);
  }
  return total;
}

function durationText(milliseconds: number): string {
  const [unit, length] = Object.entries(UNITS).findLast(([, one]) => milliseconds >= one && milliseconds % one === 0) ?? ['ms', 1];
  return `${milliseconds / length}${unit}`;
}

/** A whole number within bounds. */
export function readCount(text: string, bounds: { readonly min: number; readonly max: number }): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= bounds.min && value <= bounds.max) return value;
  throw new BadValue(`"${text}" is not a whole number from ${bounds.min} to ${bounds.max}`);
}

const SIZES: Readonly<Record<string, number>> = { '': 1, Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3 };

/** Bytes as Kubernetes writes them (`512Ki`, `16Mi`, `1Gi`, `1048576`), within bounds. */
export function readBytes(text: string, bounds: { readonly min: number; readonly max: number }): number {
  const [, count = '', unit = ''] = /^(\d{1,12})(Ki|Mi|Gi)?$/.exec(text) ?? [];
  const bytes = count === '' ? Number.NaN : Number(count) * (SIZES[unit] ?? Number.NaN);
  if (Number.isNaN(bytes)) throw new BadValue(`"${text}" is not a size like 512Ki, 16Mi or 1Gi`);
  if (bytes >= bounds.min && bytes <= bounds.max) return bytes;
  throw new BadValue(`${text} is out of bounds: it must be from ${bytesText(bounds.min)} to ${bytesText(bounds.max)}`);
}

function bytesText(bytes: number): string {
  const [unit, size] = Object.entries(SIZES).findLast(([, one]) => bytes >= one && bytes % one === 0) ?? ['', 1];
  return `${bytes / size}${unit}`;
}

/** One word of a closed list. */
export function readChoice<Choice extends string>(text: string, choices: readonly Choice[]): Choice {
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined) throw new BadValue(`"${text}" is not one of ${choices.join(', ')}`);
  return choice;
}

const MAX_ITEMS = 256;

function readList(text: string, pattern: RegExp, what: string): readonly string[] {
  const items = text === '' ? [] : text.split(',').map((item) => item.trim());
  if (items.length > MAX_ITEMS) throw new BadValue(`${items.length} entries are too many: ${MAX_ITEMS} at most`);
  const bad = items.find((item) => !pattern.test(item));
  if (bad !== undefined) throw new BadValue(`"${bad}" is not ${what}`);
  return items;
}

const LABEL = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?';
const NAMESPACE = new RegExp(`^${LABEL}$`);
const NAMESPACE_OR_PREFIX = new RegExp(`^(?:${LABEL}|[a-z0-9][-a-z0-9]{0,61}\\*)$`);
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

/** The name of a namespace (RFC 1123 label). */
export function readNamespace(text: string): string {
  if (!NAMESPACE.test(text)) throw new BadValue(`"${text}" is not the name of a namespace`);
  return text;
}

/** Names of namespaces, comma-separated; one that ends with `*` means all that begin so. */
export function readNamespaces(text: string): readonly string[] {
  return readList(text, NAMESPACE_OR_PREFIX, 'the name of a namespace, or the beginning of one and *');
}

/** Hosts of registries, comma-separated, each with or without a port. */
export function readHosts(text: string): readonly string[] {
  return readList(text, HOST, 'a host or host:port').map((host) => host.toLowerCase());
}

/** A path or name that is not empty. */
export function readText(text: string): string {
  if (text.trim() === '') throw new BadValue('it must not be empty');
  return text;
}
