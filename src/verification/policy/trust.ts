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
export function trustTextsOf(spec: unknown, references: readonly Reference[], resolved: ResolvedReferences): readonly TrustText[] {
  const named = references.flatMap((reference) => {
    const found = resolved.get(referenceId(reference));
    return reference.holds === 'TrustRoot' && found?.status === 'Found' ? [{ form: 'TrustedRoot' as const, text: found.value }] : [];
  });
  return [...named, ...caCertsOf(spec).map((text) => ({ form: 'Certificates' as const, text }))];
}

/** What an authority needs of its trust root. */
export interface TrustNeeds {
  readonly log: boolean;
  readonly sct: boolean;
  readonly timestamp: boolean;
}

/**
 * The trust root of one authority: each item from its own `trustRootRef`, else from that of `keyless`, else the operator's;
 * never a union, because then the weakest would decide. With `caCert` the certificate authorities are those, and those alone.
 * Absent where nothing is asked of it.
 * @throws Refused where a root is missing, broken or has nothing of what is needed.
 */
export function compileTrust(raw: PolicySpecAuthority, field: string, needs: TrustNeeds, sources: TrustSources): TrustRecipe | undefined {
  const { keyless, ctlog, rfc3161timestamp } = raw;
  if (keyless === undefined && !needs.log && !needs.timestamp) return undefined;
  const base = load(keyless?.trustRootRef, keyless?.trustRootRef === undefined ? field : `${field}.keyless.trustRootRef`, sources);
  const own = (reference: PolicySpecAuthorityKeylessTrustRootRef | undefined, name: string): Part => (reference === undefined ? base : load(reference, `${field}.${name}.trustRootRef`, sources));
  const authorities = keyless?.caCert === undefined ? base : describedAt(sources.describe('Certificates', keyless.caCert.data), `${field}.keyless.caCert.data`);
  const logs = own(ctlog?.trustRootRef, 'ctlog');
  const stamps = own(rfc3161timestamp?.trustRootRef, 'rfc3161timestamp');
  if (keyless !== undefined) need(authorities, 'certificateAuthorities', 'certificate authority');
  if (needs.sct) need(base, 'ctlogs', 'CT log');
  if (needs.log) need(logs, 'tlogs', 'transparency log');
  if (needs.timestamp) need(stamps, 'timestampAuthorities', 'timestamp authority');
  // Of what cannot be had, nothing is needed: another part of this authority stands in, so that the rest can be used.
  const usable = [keyless === undefined ? logs : authorities, logs, stamps].find(isUsable) ?? base;
  const sourceOf = (part: Part): TrustRecipe['logs'] => (isUsable(part) ? part : usable).source;
  return trustRecipe({ authorities: sourceOf(authorities), logs: sourceOf(logs), ctLogs: sourceOf(base), timestampAuthorities: sourceOf(stamps) });
}

/** A source, and the field that named it or went without. */
interface Part extends DescribedTrust {
  readonly field: string;
}

function isUsable({ description }: Part): boolean {
  return 'members' in description;
}

function caCertsOf(spec: unknown): readonly string[] {
  return at(spec, 'authorities').flatMap((authority) => at(authority, 'keyless', 'caCert', 'data').filter((data) => typeof data === 'string'));
}

/** What is at a path of any JSON: the members of a list, else the value alone, else nothing. */
function at(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = path.reduce<unknown>((inner, step) => (typeof inner === 'object' && inner !== null && Object.hasOwn(inner, step) ? (inner as Record<string, unknown>)[step] : undefined), value);
  if (Array.isArray(found)) return found;
  return found === undefined ? [] : [found];
}

function load(reference: PolicySpecAuthorityKeylessTrustRootRef | undefined, field: string, { references, operator, describe }: TrustSources): Part {
  if (reference === undefined) return { ...operator, field };
  const { kind, name, key = 'trusted_root.json' } = reference;
  return describedAt(describe('TrustedRoot', resolve({ kind, name, key, field }, references)), field);
}

/** @throws Refused for what was named and cannot be used. */
function describedAt(trust: DescribedTrust, field: string): Part {
  if ('problem' in trust.description) throw new Refused(field, trust.description.problem);
  return { ...trust, field };
}

function need({ description, field }: Part, members: TrustMembers, what: string): void {
  if ('problem' in description) throw new Refused(field, description.problem, description.reason);
  if (description.members[members] > 0) return;
  throw new Refused(field, `its trust root has no ${what} (${members}), so no signature could pass; name one that has`);
}
