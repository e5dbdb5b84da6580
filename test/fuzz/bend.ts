import * as fc from 'fast-check';
import { anyEdit, applyEdit, editDer, type Edit, type Tree } from '../differential/edits.ts';
import type { FuzzTarget } from './target.ts';

/** How an input is made of a seed: which seed, and edits, each of one of the kinds below. */
export interface Recipe {
  readonly seed: number;
  readonly other: number;
  readonly edits: readonly Edit[];
}

/** Any recipe. */
export const anyRecipe: fc.Arbitrary<Recipe> = fc.record({ seed: fc.nat(), other: fc.nat(), edits: fc.array(anyEdit, { minLength: 1, maxLength: 5 }) });

const MAX_BYTES = 128 * 1024;
const WHOLE = 0x7f_ff_ff_ff;
const TOKENS: readonly string[] = ['\0', '\n', '\r\n', '"', '\\', '{', '}', '[', ']', ':', ',', '=', '-----BEGIN CERTIFICATE-----', 'null', '1e999', '-1', '\ufeff', '\u2028', '\ud800', '__proto__', '%00', '/', '@', '\\u0000', ' '];

/** A place in the bytes, in proportion, so that the same numbers mean about the same in seeds of different lengths. */
const place = (bytes: Buffer, part: number): number => Math.floor((part / WHOLE) * (bytes.length + 1));

type Kind = (bytes: Buffer, edit: Edit, other: Buffer, tokens: readonly string[]) => Buffer;

const splice = (bytes: Buffer, at: number, gone: number, put: Buffer): Buffer => Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + gone)]);
const some = (what: number): number => [1, 2, 4, 8, 16, 64, 256, 1024][what % 8] ?? 1;

/** Kinds of edits of bytes; structure first: JSON and DER are edited as what they are, where they are. */
const KINDS: readonly Kind[] = [
  (bytes, edit, other) => editJson(bytes, edit, other),
  (bytes, edit, other) => editJson(bytes, edit, other),
  (bytes, edit) => (bytes[0] === 0x30 ? editDer(bytes, edit) : editBase64(bytes, edit)),
  (bytes, { where, what }) => splice(bytes, place(bytes, where), 1, Buffer.from([what & 0xff])),
  (bytes, { where, what }) => splice(bytes, place(bytes, where), 1, Buffer.from([(bytes[place(bytes, where)] ?? 0) ^ (1 << (what & 7))])),
  (bytes, { where, what }) => splice(bytes, place(bytes, where), some(what), Buffer.alloc(0)),
  (bytes, { where, what }, _, tokens) => splice(bytes, place(bytes, where), 0, Buffer.from(tokens[what % tokens.length] ?? '')),
  (bytes, { where, what }, _, tokens) => splice(bytes, place(bytes, where), some(what >> 8), Buffer.from(tokens[what % tokens.length] ?? '')),
  (bytes, { where, what }) => repeat(bytes, place(bytes, where), some(what), what >> 3),
  (bytes, { where, what }, other) => Buffer.concat([bytes.subarray(0, place(bytes, where)), other.subarray(place(other, what))]),
  (bytes, { where, what }) => splice(bytes, place(bytes, where), 0, bytes.subarray(place(bytes, what), place(bytes, what) + some(what))),
  (bytes, { where }) => bytes.subarray(0, place(bytes, where)),
];

/** The same piece many times over: what takes time by the square of its length shows here. */
function repeat(bytes: Buffer, at: number, length: number, what: number): Buffer {
  const piece = bytes.subarray(at, at + length);
  const times = what % 16 === 0 ? Math.floor(MAX_BYTES / Math.max(1, piece.length)) : some(what >> 4);
  return splice(bytes, at, 0, Buffer.concat(Array.from({ length: Math.min(times, MAX_BYTES) }, () => piece)));
}

function treeOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

function editJson(bytes: Buffer, edit: Edit, other: Buffer): Buffer {
  const [tree, donor] = [treeOf(bytes), treeOf(other)];
  if (typeof tree !== 'object' || tree === null) return editBase64(bytes, edit);
  applyEdit(tree as Tree, edit, (donor ?? {}) as Tree);
  return Buffer.from(JSON.stringify(tree));
}

/** A run of base64 inside of text holds something else: DER, JSON, bytes. */
function editBase64(bytes: Buffer, { how, where, what }: Edit): Buffer {
  const text = bytes.toString('latin1');
  const runs = [...text.matchAll(/[A-Za-z0-9+/\n]{40,}={0,2}/g)];
  const run = runs[where % Math.max(1, runs.length)];
  if (run === undefined) return bytes;
  const changed = editDer(Buffer.from(run[0], 'base64'), { how, where: what, what: where }).toString('base64');
  return Buffer.from(`${text.slice(0, run.index)}${changed}${text.slice(run.index + run[0].length)}`, 'latin1');
}

/** The input that a recipe makes for a target. */
export function bend({ tokens = [], maxBytes = MAX_BYTES }: FuzzTarget, seeds: readonly Buffer[], recipe: Recipe): Buffer {
  const seedAt = (index: number): Buffer => seeds[index % seeds.length] ?? Buffer.alloc(0);
  const all = [...tokens, ...tokens, ...TOKENS];
  const bent = recipe.edits.reduce((bytes, edit) => {
    const kind = KINDS[edit.how % KINDS.length];
    return kind === undefined ? bytes : kind(bytes, { ...edit, how: Math.floor(edit.how / KINDS.length) }, seedAt(recipe.other), all).subarray(0, maxBytes);
  }, seedAt(recipe.seed));
  return Buffer.from(bent);
}
