import { createAuthority } from '../support/sigstore/authority.ts';
import { createCtLog } from '../support/sigstore/ct-log.ts';
import { type KeyType } from '../support/sigstore/keys.ts';
import { createRekorV1, createRekorV2 } from '../support/sigstore/log.ts';
import type { TestSigner } from '../support/sigstore/sign.ts';
import { createTimestampAuthority } from '../support/sigstore/timestamp.ts';
import type { Services } from '../support/sigstore/trusted-root.ts';
import { createWorld, type World } from '../support/sigstore/world.ts';
import type { Dice } from './dice.ts';

/** Who takes part in all cases of a run; keys and certificates are new in each run. */
export interface Cast {
  /** Trusted. */
  readonly own: World;
  /** Trusted too: services with keys of other kinds. */
  readonly odd: Services;
  /** Of the same names, and not trusted unless a case says so. */
  readonly other: World;
  /** A key pair of this type; the second of a type is the `stranger`. */
  key(type: KeyType, stranger?: boolean): TestSigner & { readonly kind: 'key' };
}

/** Casts a run. */
export function createCast(): Cast {
  const own = createWorld();
  const keys = new Map<string, TestSigner & { readonly kind: 'key' }>();
  const at = own.now();
  const name = 'odd.test';
  return {
    own,
    odd: {
      authority: createAuthority({ at, name, keyType: 'P-256', ctLog: createCtLog({ name, keyType: 'RSA-2048' }) }),
      rekorV1: createRekorV1({ name, keyType: 'P-384' }),
      rekorV2: createRekorV2({ name }),
      timestampAuthority: createTimestampAuthority({ at, name, keyType: 'P-384' }),
    },
    other: createWorld(),
    key(type, stranger = false) {
      const which = `${type} ${stranger}`;
      const key = keys.get(which) ?? own.key(type);
      keys.set(which, key);
      return key;
    },
  };
}

/** Kinds of keys, as often as they are worth a case; RSA keys of certificates take time to make. */
export const KEYS: Readonly<Record<KeyType, number>> = { 'P-256': 50, 'P-384': 12, 'P-521': 9, 'RSA-2048': 8, 'RSA-3072': 1, 'RSA-4096': 2, 'RSA-1024': 1, 'P-224': 1, Ed25519: 12 };
const CERTIFIED: Readonly<Record<KeyType, number>> = { ...KEYS, 'RSA-2048': 3, 'RSA-4096': 0, 'RSA-3072': 0 };

/** The identities that sign in the cases. */
export const SUBJECTS = ['https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.0', 'ada@example.com', 'ada'] as const;
/** The issuers that vouch for them. */
export const ISSUERS = ['https://token.actions.githubusercontent.com', 'https://accounts.example.com'] as const;
/** The claims of GitHub's workflows. */
export const CLAIMS: Readonly<Record<string, string>> = {
  githubWorkflowTrigger: 'push',
  githubWorkflowSha: 'f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0',
  githubWorkflowName: 'Release <all> & "more"',
  githubWorkflowRepository: 'acme/app',
  githubWorkflowRef: 'refs/tags/v1.0',
  sourceRepositoryURI: 'https://github.com/acme/app',
  runnerEnvironment: 'github-hosted',
};

/** Somebody who signs: with a key, or with a certificate for one of the identities. */
export function castSigner(cast: Cast, dice: Dice): TestSigner {
  if (dice.chance(0.45)) return cast.key(dice.weighted(KEYS));
  const subject = dice.pick(SUBJECTS);
  const claims = dice.chance(0.6) ? CLAIMS : {};
  return cast.own.keyless({ subject, issuer: dice.pick(ISSUERS), claims, keyType: dice.weighted(CERTIFIED) });
}
