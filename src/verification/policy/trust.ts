import type { PolicySpecAuthority, PolicySpecAuthorityKeylessTrustRootRef } from '../../api/v1alpha1.gen.ts';
import { digestOf } from '../../base/digest.ts';
import { Lru } from '../../base/lru.ts';
import { loadTrustRoot, type TrustRoot } from '../../signatures/trust-root.ts';
import { canonicalHash } from './canonical-hash.ts';
import { Refused, refusing } from './refused.ts';
import { resolve, type ResolvedReferences } from './references.ts';

/** Of one root beside its text: what was read from it. */
const ROOT_OVERHEAD = 16 * 1024;
const roots = new Lru<TrustRoot>(8 * 1024 * 1024);

/** Where the trust of an authority may come from. */
export interface TrustSources {
  readonly references: ResolvedReferences;
  /** The operator's own root: what counts where a policy names none. */
  readonly operator: TrustRoot;
}

/** What an authority needs of its trust root. */
export interface TrustNeeds {
  readonly log: boolean;
  readonly sct: boolean;
}

/**
 * The trust root of one authority: each item from its own `trustRootRef`, else from that of `keyless`, else the operator's;
 * never a union, because then the weakest would decide. Absent where nothing is asked of it.
 * @throws Refused where a root is missing, broken or has nothing of what is needed.
 */
export function compileTrust({ keyless, ctlog }: PolicySpecAuthority, field: string, needs: TrustNeeds, sources: TrustSources): TrustRoot | undefined {
  if (keyless === undefined && !needs.log) return undefined;
  const certificates = load(keyless?.trustRootRef, `${field}.keyless.trustRootRef`, sources);
  if (keyless !== undefined) need(certificates, 'certificateAuthorities', 'certificate authority', keyless.trustRootRef === undefined ? field : `${field}.keyless.trustRootRef`);
  if (keyless !== undefined && needs.sct) need(certificates, 'ctlogs', 'CT log', keyless.trustRootRef === undefined ? field : `${field}.keyless.trustRootRef`);
  if (!needs.log) return certificates;
  const logs = ctlog?.trustRootRef === undefined ? certificates : load(ctlog.trustRootRef, `${field}.ctlog.trustRootRef`, sources);
  need(logs, 'tlogs', 'transparency log', ctlog?.trustRootRef === undefined ? field : `${field}.ctlog.trustRootRef`);
  if (logs === certificates) return certificates;
  return {
    ...certificates,
    material: { ...certificates.material, tlogs: logs.material.tlogs },
    hash: canonicalHash({ certificates: certificates.hash, logs: logs.hash }),
  };
}

function load(reference: PolicySpecAuthorityKeylessTrustRootRef | undefined, field: string, { references, operator }: TrustSources): TrustRoot {
  if (reference === undefined) return operator;
  const { kind, name, key = 'trusted_root.json' } = reference;
  const text = resolve({ kind, name, key, field }, references);
  return refusing(field, () => loadOnce(text));
}

/** WARNING: the author of a policy may name one root for every authority, and loading it proves all of its certificates. */
function loadOnce(text: string): TrustRoot {
  const key = digestOf(text);
  const known = roots.get(key, 0);
  if (known !== undefined) return known;
  const root = loadTrustRoot(text);
  roots.set(key, root, ROOT_OVERHEAD + 2 * text.length);
  return root;
}

function need(root: TrustRoot, members: 'certificateAuthorities' | 'ctlogs' | 'tlogs', what: string, field: string): void {
  if (root.material[members].length > 0) return;
  throw new Refused(field, `its trust root has no ${what} (${members}), so no signature could pass; name one that has`);
}
