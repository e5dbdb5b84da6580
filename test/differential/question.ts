import { createPublicKey } from 'node:crypto';
import type { SignedEntity } from '@sigstore/verify';
import { CodedError, messageOf } from '../../src/base/errors.ts';
import { asLoaded } from '../../src/signatures/loadable.ts';
import { parsePublicKeys } from '../../src/signatures/public-key.ts';
import type { PublicKey } from '../../src/signatures/public-key.ts';
import { prove } from '../../src/signatures/prove.ts';
import { loadTrustRoot } from '../../src/signatures/trust-root.ts';
import type { TrustRoot } from '../../src/signatures/trust-root.ts';
import type { Candidate, Profile, Requirement } from '../../src/signatures/types.ts';
import { AT, YEAR } from '../support/signatures.ts';
import type { LegacySignature } from '../support/sigstore/sign.ts';
import { legacyAsBundle, stockVerify } from '../support/sigstore/stock.ts';
import type { Tree } from './edits.ts';

/**
 * One signature and everything that it is held against, as one tree of JSON, so that an edit reaches any of it: `bundle`, or `payload`
 * (base64) and `annotations` with their JSON opened; `root`, the trusted root; `key`, the wanted key's SPKI in base64, where one is.
 */
export interface Question {
  readonly name: string;
  readonly tree: Tree;
  readonly log: 'Required' | 'Ignored';
  readonly sct: 'Required' | 'Ignored';
  /** Whether a timestamp is demanded; the stock library has no such question, and is content with the log's time. */
  readonly timestamp?: 'Required';
  /** Milliseconds; by default a year after everything was signed, so that nothing passes by the clock. */
  readonly now?: number;
}

/** `subject` and `issuer` are those of the certificate, empty where a key signed. */
export interface Accepted {
  readonly accepted: true;
  readonly subject: string;
  readonly issuer: string;
}

/** Why not: a code, and the text. `foreign`: it was not an error of ours. */
export interface Rejected {
  readonly accepted: false;
  readonly code: string;
  readonly text: string;
  readonly foreign: boolean;
}

export type Answer = Accepted | Rejected;

/** How the stock library's own form of the signature is changed before it looks: a rule that it does not have, applied for it. */
export type View = (entity: SignedEntity, question: Question) => SignedEntity;

/** The legacy signature of a question, its annotations as text again. */
export function legacyOf({ tree }: Question): LegacySignature {
  const annotations = Object.entries(asTree(tree['annotations'])).map(([name, value]): [string, string] => [name, typeof value === 'string' ? value : JSON.stringify(value)]);
  return { payload: Buffer.from(textOf(tree['payload']), 'base64'), annotations: Object.fromEntries(annotations) };
}

/** A legacy signature, or a bundle, with its trusted root and key, as a tree. */
export function treeOf(signature: object, root: object, key?: PublicKey): Tree {
  const wanted = key === undefined ? {} : { key: key.key.export({ type: 'spki', format: 'der' }).toString('base64') };
  if (!('payload' in signature)) return structuredClone({ bundle: signature, root, ...wanted });
  const { payload, annotations } = signature as LegacySignature;
  const opened = Object.entries(annotations).map(([name, text]): [string, unknown] => [name, text.startsWith('{') ? JSON.parse(text) : text]);
  return structuredClone({ payload: Buffer.from(payload).toString('base64'), annotations: Object.fromEntries(opened), root, ...wanted });
}

/** What `@sigstore/verify` says as it is, asked for the same: the log, the SCT, and a time wherever a certificate signed. */
export function askStock(question: Question, views: readonly View[] = []): Answer {
  try {
    const { tree, log, sct } = question;
    const key = tree['key'] === undefined ? undefined : createPublicKey({ key: Buffer.from(textOf(tree['key']), 'base64'), format: 'der', type: 'spki' });
    const legacy = 'bundle' in tree ? undefined : legacyOf(question);
    const bundle: unknown = legacy === undefined ? JSON.parse(JSON.stringify(tree['bundle'] ?? null)) : legacyAsBundle(legacy);
    const { identity } = stockVerify(JSON.stringify(tree['root'] ?? null), bundle, legacy?.payload, {
      ...(key && { key }),
      tlogThreshold: log === 'Required' ? 1 : 0,
      ctlogThreshold: sct === 'Required' ? 1 : 0,
      timestampThreshold: key === undefined ? 1 : 0,
      entity: (entity) => views.reduce((one, view) => view(one, question), entity),
    });
    return { accepted: true, subject: identity?.subjectAlternativeName ?? '', issuer: identity?.extensions?.issuer ?? '' };
  } catch (error) {
    return refusal(error, false);
  }
}

const ROOTS = new Map<string, TrustRoot>();

function rootOf(json: string): TrustRoot {
  const root = ROOTS.get(json) ?? loadTrustRoot(json);
  if (ROOTS.size >= 8) ROOTS.clear();
  ROOTS.set(json, root);
  return root;
}

/** What we say. Only coded errors count as answers: any other is `foreign`, and a bug. */
export function askUs(question: Question, profile: Profile): Answer {
  const { tree, log, sct, timestamp = 'NotAsked', now = AT + YEAR } = question;
  try {
    const pem = tree['key'] === undefined ? undefined : `-----BEGIN PUBLIC KEY-----\n${textOf(tree['key'])}\n-----END PUBLIC KEY-----\n`;
    const [key] = pem === undefined ? [] : parsePublicKeys(pem);
    const trust = rootOf(JSON.stringify(tree['root'] ?? null));
    const requirement: Requirement = { ...(key && { key }), trust, log, sct, timestamp, profile, now };
    const candidate = loadedBy(candidateOf(question), profile);
    if (candidate === undefined) return { accepted: false, code: 'NotLoaded', text: 'the bundle is none that cosign loads', foreign: false };
    const { certificate } = prove(candidate, requirement);
    return { accepted: true, subject: certificate?.subjects[0] ?? '', issuer: certificate?.issuer ?? '' };
  } catch (error) {
    return refusal(error, !(error instanceof CodedError));
  }
}

function candidateOf(question: Question): Candidate {
  const location = 'registry.example/acme/app';
  if ('bundle' in question.tree) return { format: 'bundle', location, bytes: Buffer.from(JSON.stringify(question.tree['bundle'] ?? null)) };
  return { format: 'legacy', location, ...legacyOf(question) };
}

/** The command line first loads a bundle as cosign does, and knows nothing of one that cannot be loaded. */
function loadedBy(candidate: Candidate, profile: Profile): Candidate | undefined {
  return profile.name === 'cosign' && candidate.format === 'bundle' ? asLoaded(candidate, profile) : candidate;
}

function refusal(error: unknown, foreign: boolean): Rejected {
  const code = error instanceof Error && 'code' in error ? String(error.code) : error instanceof Error ? error.constructor.name : 'thrown';
  return { accepted: false, code, text: messageOf(error, 300), foreign };
}

/** The value as an object; an empty one where it is none. */
export function asTree(value: unknown): Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Tree) : {};
}

/** The value as a list of objects; what is none of both is left out. */
export function asTrees(value: unknown): Tree[] {
  return Array.isArray(value) ? value.map(asTree) : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
