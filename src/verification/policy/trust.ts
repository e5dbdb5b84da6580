import type { PolicySpecAuthority, PolicySpecAuthorityKeylessTrustRootRef } from '../../api/v1alpha1.gen.ts';
import { type DescribedTrust, type TrustForm, type TrustMembers, trustRecipe, type TrustRecipe } from '../../signatures/trust-recipe.ts';
import { Refused } from './refused.ts';
import { type Reference, referenceId, resolve, type ResolvedReferences } from './references.ts';

/** Where the trust of an authority may come from. */
export interface TrustSources {
  readonly references: ResolvedReferences;
  /** The operator's own root: what counts where a policy names none. */
  readonly operator: DescribedTrust;
  /** What is in a text that {@link trustTextsOf} listed. */
  readonly describe: (form: TrustForm, text: string) => DescribedTrust;
}

/** A text that has to be described before a policy can be compiled. */
export interface TrustText {
  readonly form: TrustForm;
  readonly text: string;
}

/** The texts that the trust of a policy comes from, of those of its references that were found; the costly part of reading it. */
export function trustTextsOf(references: readonly Reference[], resolved: ResolvedReferences): readonly TrustText[] {
  return references.flatMap((reference) => {
    const found = resolved.get(referenceId(reference));
    return reference.holds === 'TrustRoot' && found?.status === 'Found' ? [{ form: 'TrustedRoot' as const, text: found.value }] : [];
  });
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
export function compileTrust({ keyless, ctlog }: PolicySpecAuthority, field: string, needs: TrustNeeds, sources: TrustSources): TrustRecipe | undefined {
  if (keyless === undefined && !needs.log) return undefined;
  const certificates = load(keyless?.trustRootRef, `${field}.keyless.trustRootRef`, sources);
  if (keyless !== undefined) need(certificates, 'certificateAuthorities', 'certificate authority', keyless.trustRootRef === undefined ? field : `${field}.keyless.trustRootRef`);
  if (keyless !== undefined && needs.sct) need(certificates, 'ctlogs', 'CT log', keyless.trustRootRef === undefined ? field : `${field}.keyless.trustRootRef`);
  if (!needs.log) return trustRecipe({ authorities: certificates.source });
  const logs = ctlog?.trustRootRef === undefined ? certificates : load(ctlog.trustRootRef, `${field}.ctlog.trustRootRef`, sources);
  need(logs, 'tlogs', 'transparency log', ctlog?.trustRootRef === undefined ? field : `${field}.ctlog.trustRootRef`);
  return trustRecipe({ authorities: certificates.source, logs: logs.source });
}

function load(reference: PolicySpecAuthorityKeylessTrustRootRef | undefined, field: string, { references, operator, describe }: TrustSources): DescribedTrust {
  if (reference === undefined) return operator;
  const { kind, name, key = 'trusted_root.json' } = reference;
  const trust = describe('TrustedRoot', resolve({ kind, name, key, field }, references));
  if ('problem' in trust.description) throw new Refused(field, trust.description.problem);
  return trust;
}

function need({ description }: DescribedTrust, members: TrustMembers, what: string, field: string): void {
  if ('members' in description && description.members[members] > 0) return;
  throw new Refused(field, `its trust root has no ${what} (${members}), so no signature could pass; name one that has`);
}
