import * as fc from 'fast-check';
import { placesOf, readTree, writeTree } from './der-tree.ts';

/** One change of a value: which kind of change, at which of the places that it fits, and what becomes of it. Any numbers make one. */
export interface Edit {
  readonly how: number;
  readonly where: number;
  readonly what: number;
}

const nat = fc.nat({ max: 0x7f_ff_ff_ff });
/** Any edit; fast-check shrinks it to small numbers, which are the simple changes. */
export const anyEdit: fc.Arbitrary<Edit> = fc.record({ how: nat, where: nat, what: nat });

/** JSON that is edited in place, by way of whatever holds it. */
export type Tree = Record<string, unknown>;

interface Place {
  readonly holder: Tree;
  readonly key: string;
  readonly path: string;
}

const JUNK: readonly unknown[] = [
  null, true, false, 0, -1, 1.5, 1e300, 2 ** 53, '', ' ', '0', '-1', 'x', '\u{10ffff}', '=', 'AAAA', '9'.repeat(40), '1e3', '0x10', ' 1', [], {}, [null], [[]],
  { $case: 'x' }, { length: -1 }, { rawBytes: '' }, 'MA==', Array.from({ length: 70 }, () => 'AAAA'), Array.from({ length: 6 }, () => ({})), 'A'.repeat(70_000), '2020-01-01T00:00:00Z', '2099-01-01T00:00:00Z',
];

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null;
const pick = <Value>(list: readonly Value[], index: number): Value | undefined => list[index % Math.max(1, list.length)];

/** Every place in the tree, with its path. */
export function places(tree: Tree, path = ''): Place[] {
  return Object.keys(tree).flatMap((key) => {
    const value = tree[key];
    const own = { holder: tree, key, path: `${path}/${key}` };
    return [own, ...(isTree(value) ? places(value, own.path) : [])];
  });
}

const textAt = ({ holder, key }: Place): string | undefined => (typeof holder[key] === 'string' ? holder[key] : undefined);

function bytesAt(place: Place): Buffer | undefined {
  const text = textAt(place);
  if (text === undefined || text.length < 8 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  return Buffer.from(text, 'base64');
}

/** A change of one kind: the places that it fits, and the change itself, which may find that it changes nothing. */
interface Operator {
  readonly name: string;
  fits(place: Place): boolean;
  apply(place: Place, edit: Edit, donor: Tree): void;
}

const anywhere = (): boolean => true;
const onText = (place: Place): boolean => textAt(place) !== undefined;
const onBytes = (place: Place): boolean => bytesAt(place) !== undefined;
const onList = ({ holder, key }: Place): boolean => Array.isArray(holder[key]);
const onDer = (place: Place): boolean => {
  const bytes = bytesAt(place);
  return bytes !== undefined && bytes[0] === 0x30 && readTree(bytes) !== undefined;
};
const onPem = (place: Place): boolean => textAt(place)?.includes('-----BEGIN') === true;
const onNote = (place: Place): boolean => textAt(place)?.includes('\n\u2014 ') === true;
const onJson = (place: Place): boolean => treeIn(bytesAt(place)) !== undefined;
const onNumber = ({ holder, key }: Place): boolean => /^-?\d+$/.test(String(holder[key]));
const inRoot = ({ path, holder, key }: Place): boolean => /^\/root\/(?:tlogs|ctlogs|certificateAuthorities|timestampAuthorities)/.test(path) && isTree(holder[key]);

function treeIn(bytes: Buffer | undefined): Tree | undefined {
  if (bytes?.[0] !== 0x7b) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8')) as Tree;
  } catch {
    return undefined;
  }
}

function put({ holder, key }: Place, value: unknown): void {
  holder[key] = value;
}

function put64(place: Place, bytes: Buffer): void {
  put(place, bytes.toString('base64'));
}

/** The kinds of changes; the order is part of what a seed means, so new ones are added at the end. */
export const OPERATORS: readonly Operator[] = [
  { name: 'removes', fits: anywhere, apply: ({ holder, key }) => void (Array.isArray(holder) ? holder.splice(Number(key), 1) : delete holder[key]) },
  { name: 'puts junk in place', fits: anywhere, apply: (place, { what }) => put(place, structuredClone(pick(JUNK, what))) },
  { name: 'doubles an element', fits: onList, apply: ({ holder, key }, { what }) => doubleElement(holder[key] as unknown[], what) },
  { name: 'swaps two elements', fits: onList, apply: ({ holder, key }) => void (holder[key] = (holder[key] as unknown[]).toReversed()) },
  { name: 'renames', fits: anywhere, apply: rename },
  { name: 'takes another’s', fits: anywhere, apply: transplant },
  { name: 'changes a number', fits: onNumber, apply: (place, { what }) => put(place, otherNumber(place.holder[place.key], what)) },
  { name: 'flips a bit', fits: onBytes, apply: (place, { what }) => put64(place, flipBit(bytesAt(place) ?? Buffer.alloc(1), what)) },
  { name: 'writes the same bytes otherwise', fits: onBytes, apply: (place, { what }) => put(place, noisyBase64(textAt(place) ?? '', what)) },
  { name: 'changes how long bytes are', fits: onBytes, apply: (place, { what }) => put64(place, resize(bytesAt(place) ?? Buffer.alloc(1), what)) },
  { name: 'changes a value of DER', fits: onDer, apply: (place, edit) => put64(place, editDer(bytesAt(place) ?? Buffer.alloc(1), edit)) },
  { name: 'changes a value of DER in PEM', fits: onPem, apply: (place, edit) => put(place, editPem(textAt(place) ?? '', edit)) },
  { name: 'changes a note', fits: onNote, apply: (place, { what }) => put(place, editNote(textAt(place) ?? '', what)) },
  { name: 'changes JSON in base64', fits: onJson, apply: (place, { what }, donor) => put64(place, editJson(bytesAt(place) ?? Buffer.from('{}'), what, donor)) },
  { name: 'changes text', fits: onText, apply: (place, { what }) => put(place, editText(textAt(place) ?? '', what)) },
  { name: 'changes what is trusted', fits: inRoot, apply: changeMember },
  { name: 'sets a time', fits: ({ path }) => /\/(?:start|end)$/.test(path), apply: (place, { what }) => put(place, new Date(1.5e12 + (what % 2000) * 1e9).toISOString()) },
];

/** Changes the tree in place. `donor` is a tree of the same form, from somebody else. */
export function applyEdit(tree: Tree, edit: Edit, donor: Tree): void {
  const all = places(tree);
  for (let turn = 0; turn < OPERATORS.length; turn += 1) {
    const operator = pick(OPERATORS, edit.how + turn);
    const place = operator && pick(all.filter((one) => operator.fits(one)), edit.where);
    if (operator !== undefined && place !== undefined) return operator.apply(place, edit, donor);
  }
}

function doubleElement(list: unknown[], what: number): void {
  const times = what % 7 === 6 ? 70 : 1;
  for (let round = 0; round < times; round += 1) list.push(structuredClone(pick(list, what)));
}

function rename({ holder, key }: Place, { what }: Edit): void {
  const names = [key.toUpperCase(), key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), '__proto__', `${key} `, 'mediaType'];
  const value = holder[key];
  delete holder[key];
  Object.defineProperty(holder, pick(names, what) ?? key, { value, enumerable: true, configurable: true, writable: true });
}

/** The value at the same path of somebody else's, or at a path of the same last name. */
function transplant(place: Place, { what }: Edit, donor: Tree): void {
  const theirs = places(donor);
  const same = theirs.find(({ path }) => path === place.path) ?? pick(theirs.filter(({ key }) => key === place.key), what);
  if (same !== undefined) put(place, structuredClone(same.holder[same.key]));
}

function otherNumber(value: unknown, what: number): unknown {
  const number = Number(value);
  const others = [number + 1, number - 1, 0, -number, number * 1000, number + 86_400, number - 86_400, 2 ** 40, 1e21, Number.NaN];
  const other = pick(others, what) ?? 0;
  return (typeof value === 'string') === (what % 5 !== 0) ? String(other) : other;
}

function flipBit(bytes: Buffer, what: number): Buffer {
  const at = (what >> 3) % Math.max(1, bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (what & 7));
  return bytes;
}

function noisyBase64(text: string, what: number): string {
  const noise = [`${text}\n`, ` ${text}`, text.replaceAll('=', ''), `${text}=`, text.replaceAll('+', '-').replaceAll('/', '_'), `${text.slice(0, 4)}\n${text.slice(4)}`, `${text.slice(0, 4)}!${text.slice(4)}`];
  return pick(noise, what) ?? text;
}

function resize(bytes: Buffer, what: number): Buffer {
  const sizes = [bytes.subarray(0, -1), bytes.subarray(1), Buffer.alloc(0), Buffer.concat([bytes, Buffer.from([0])]), Buffer.concat([bytes, bytes]), Buffer.concat([Buffer.from([0]), bytes]), Buffer.alloc(bytes.length)];
  return pick(sizes, what) ?? bytes;
}

const NULL = { tag: 0x05, content: Buffer.alloc(0) };

/** Changes one value inside of DER, so that all lengths around it fit again. */
export function editDer(bytes: Buffer, { where, what }: Edit): Buffer {
  const tree = readTree(bytes);
  const place = tree && pick(placesOf(tree), where);
  const node = place?.list[place.index];
  if (tree === undefined || place === undefined || node === undefined) return flipBit(Buffer.from(bytes), what);
  const { list, index } = place;
  const rest = Math.floor(what / 9);
  switch (what % 9) {
    case 0:
      list.splice(index, 1);
      break;
    case 1:
      list.splice(index, 0, structuredCloneNode(node));
      break;
    case 2:
      list.reverse();
      break;
    case 3:
      node.tag = pick([node.tag ^ 0x20, 0x0c, 0x13, 0x16, 0x04, 0x05, 0x30, 0x31, node.tag ^ 1, 0x80 | (node.tag & 0x0f)], rest) ?? node.tag;
      break;
    case 4:
      node.long = true;
      break;
    case 5:
      list.splice(index, 0, NULL);
      break;
    case 6:
      if (Buffer.isBuffer(node.content)) node.content = resize(node.content, rest);
      else node.content.push(NULL);
      break;
    default:
      if (Buffer.isBuffer(node.content)) node.content = flipBit(Buffer.from(node.content), rest);
      else node.content.reverse();
  }
  return writeTree(tree);
}

function structuredCloneNode(node: { tag: number; content: unknown }): { tag: number; content: Buffer } {
  return { tag: node.tag, content: Buffer.isBuffer(node.content) ? Buffer.from(node.content) : writeTree(node.content as Parameters<typeof writeTree>[0]) };
}

function editPem(text: string, edit: Edit): string {
  const body = /-----\n([^-]*)-----END/.exec(text)?.[1] ?? '';
  const bytes = Buffer.from(body, 'base64');
  switch (edit.what % 5) {
    case 0:
      return `${text}${text}`;
    case 1:
      return text.replaceAll('CERTIFICATE', 'PUBLIC KEY');
    case 2:
      return `junk\n${text.replaceAll('\n', '\r\n')}`;
    default:
      return text.replace(body, `${editDer(bytes, { ...edit, what: Math.floor(edit.what / 5) }).toString('base64')}\n`);
  }
}

/** Changes a signed note (https://github.com/C2SP/C2SP/blob/main/signed-note.md): its lines, its signatures, what separates them. */
export function editNote(text: string, what: number): string {
  const lines = text.split('\n');
  const signature = lines.findIndex((line) => line.startsWith('\u2014 '));
  const line = lines[signature] ?? '';
  const rest = Math.floor(what / 14);
  const at = rest % lines.length;
  const changed = [
    lines.toSpliced(at, 1),
    lines.toSpliced(at, 0, lines[at] ?? ''),
    lines.toSpliced(at, 0, 'more'),
    lines.toSpliced(signature, 0, line.replace(/^\u2014 \S+/, '\u2014 witness.test')),
    lines.with(signature, line.replace(/^\u2014 \S+/, '\u2014 other.test')),
    lines.with(signature, line.replace(/\S+$/, (base64) => flipBit(Buffer.from(base64, 'base64'), rest).toString('base64'))),
    lines.with(signature, line.replace('\u2014', '-')),
    lines.with(signature, `${line} `),
    lines.with(signature, ` ${line}`),
    [...lines.slice(0, -1), ...Array.from({ length: 20 }, () => line), ''],
    lines.slice(0, -1),
    lines.with(1, `0${lines[1] ?? ''}`),
    lines.with(1, `0x${Number(lines[1]).toString(16)}`),
    lines.with(1, ` ${lines[1] ?? ''}`),
  ];
  return (pick(changed, what) ?? lines).join(rest % 11 === 10 ? '\r\n' : '\n');
}

function editJson(bytes: Buffer, what: number, donor: Tree): Buffer {
  const tree = treeIn(bytes) ?? {};
  applyEdit(tree, { how: what >> 8, where: what >> 4, what }, donor);
  return Buffer.from(JSON.stringify(tree));
}

function editText(text: string, what: number): string {
  const at = what % (text.length + 1);
  const rest = text.slice(at + 1);
  return pick([`${text.slice(0, at)}\u0141${rest}`, `${text.slice(0, at)}${rest}`, `${text} `, text.toUpperCase(), `${text}\0`, `${text.slice(0, at)}.${rest}`], what) ?? text;
}

/** Members of a trusted root: gone, somebody else's, somebody else's beside it, the same once more, trusted at other times. */
function changeMember(place: Place, edit: Edit, donor: Tree): void {
  const { holder, key } = place;
  const others = places(donor).filter(({ path }) => path.replaceAll(/\d+/g, '0') === place.path.replaceAll(/\d+/g, '0'));
  const other = structuredClone(pick(others.map((one) => one.holder[one.key]), edit.what));
  const value = holder[key];
  if (edit.what % 4 === 0 && Array.isArray(holder)) holder.splice(Number(key), 1);
  else if (edit.what % 4 === 1 && other !== undefined) holder[key] = other;
  else if (Array.isArray(holder)) holder.splice(edit.what % 2 === 0 ? 0 : holder.length, 0, other ?? structuredClone(value));
  else if (Array.isArray(value)) holder[key] = value.toReversed();
}
