import { digestOf } from '../base/digest.ts';
import type { Digest } from '../base/digest.ts';
import { Lru } from '../base/lru.ts';
import { loadOwnAuthorities } from './own-authorities.ts';
import { embeddedTrustText, joinTrustRoots, loadTrustRoot, TrustRootError } from './trust-root.ts';
import type { TrustRoot } from './trust-root.ts';

/** How each form of text is read; each throws {@link TrustRootError}. */
const LOADERS = {
  /** `trusted_root.json` (protobuf-specs, sigstore_trustroot.proto). */
  TrustedRoot: loadTrustRoot,
  /** Certificates in PEM. */
  Certificates: loadOwnAuthorities,
} as const satisfies Readonly<Record<string, (text: string) => TrustRoot>>;

/** What the text of a source is. */
export type TrustForm = keyof typeof LOADERS;

/** A text that trust is read from. Plain data: it may be sent to another thread. Make it with {@link trustSource}. */
export interface TrustSource {
  readonly form: TrustForm;
  readonly text: string;
  /** Equal exactly for the same form and text. */
  readonly hash: Digest;
}

/** Which source answers for which part of a trust root, so that each part comes from one of them and never from a union. Plain data. */
export interface TrustRecipe {
  readonly authorities: TrustSource;
  readonly logs: TrustSource;
  readonly ctLogs: TrustSource;
  readonly timestampAuthorities: TrustSource;
  /** Equal exactly for the same sources of the same parts. */
  readonly hash: Digest;
}

/** The lists of a trust root, by the names of `trusted_root.json`. */
export type TrustMembers = 'certificateAuthorities' | 'tlogs' | 'ctlogs' | 'timestampAuthorities';

/** What has to be known of a source to compile a policy with it: how many members each list has, or why it cannot be used. Plain data. */
export type TrustDescription =
  | { readonly members: Readonly<Record<TrustMembers, number>> }
  | {
      readonly problem: string;
      /** Of the operator's own root: why it is not used, though nothing is wrong with its text. */
      readonly reason?: 'TrustRootUnavailable' | 'TrustRootExpired';
    };

/** A source of which is known what is in it. */
export interface DescribedTrust {
  readonly source: TrustSource;
  readonly description: TrustDescription;
}

/** Of one root beside its text: what was read from it. */
const ROOT_OVERHEAD = 16 * 1024;
const roots = new Lru<TrustRoot>(48 * 1024 * 1024);

/** A source of this text. */
export function trustSource(form: TrustForm, text: string): TrustSource {
  return Object.freeze({ form, text, hash: digestOf(`${form}\n${text}`) });
}

/** The public-good root that this build was made with. */
export function embeddedTrustSource(): TrustSource {
  return trustSource('TrustedRoot', embeddedTrustText());
}

/** A recipe of these sources; the certificate authorities' own where nothing else is said. */
export function trustRecipe(parts: Pick<TrustRecipe, 'authorities'> & Partial<Omit<TrustRecipe, 'hash'>>): TrustRecipe {
  const { authorities, logs = authorities, ctLogs = authorities, timestampAuthorities = authorities } = parts;
  const hash = digestOf([authorities, logs, ctLogs, timestampAuthorities].map((source) => source.hash).join('\n'));
  return Object.freeze({ authorities, logs, ctLogs, timestampAuthorities, hash });
}

/**
 * The trust root of a recipe, the same object as long as it is remembered. The first call reads and proves all certificates, which
 * takes up to some tenths of a second of each source: whoever may not be blocked for so long asks in a worker. Throws {@link TrustRootError}.
 */
export function trustRootOf(recipe: TrustRecipe): TrustRoot {
  const { hash, authorities, logs, ctLogs, timestampAuthorities } = recipe;
  const sources = new Set([authorities, logs, ctLogs, timestampAuthorities].map((source) => source.hash));
  if (sources.size === 1) return rootOf(authorities);
  return remembered(hash, [authorities, logs, ctLogs, timestampAuthorities], () =>
    joinTrustRoots({ authorities: rootOf(authorities), logs: rootOf(logs), ctLogs: rootOf(ctLogs), timestampAuthorities: rootOf(timestampAuthorities) }),
  );
}

/** What is in a source. As costly as {@link trustRootOf}. Never throws. */
export function describeTrust(source: TrustSource): TrustDescription {
  try {
    const { authorities, material: { tlogs, ctlogs, stampAuthorities } } = rootOf(source);
    return { members: { certificateAuthorities: authorities.length, tlogs: tlogs.length, ctlogs: ctlogs.length, timestampAuthorities: stampAuthorities.length } };
  } catch (error) {
    if (!(error instanceof TrustRootError)) throw error;
    return { problem: error.message };
  }
}

function rootOf(source: TrustSource): TrustRoot {
  return remembered(source.hash, [source], () => LOADERS[source.form](source.text));
}

/** WARNING: the author of a policy may name one root for every authority, and loading it proves all of its certificates. */
function remembered(hash: Digest, sources: readonly TrustSource[], make: () => TrustRoot): TrustRoot {
  const known = roots.get(hash, 0);
  if (known !== undefined) return known;
  const root = make();
  roots.set(hash, root, sources.reduce((sum, { text }) => sum + text.length, ROOT_OVERHEAD));
  return root;
}
