import { parseDuration } from '../../api/duration.ts';
import type { PolicySpec } from '../../api/v1alpha1.gen.ts';
import { re2Size } from '../../api/re2.ts';
import { SHIPPED_KINDS } from '../../api/further-kinds.ts';
import { messageOf } from '../../base/errors.ts';
import { type DescribedTrust, describeTrust, type TrustForm, trustSource, type TrustSource } from '../../signatures/trust-recipe.ts';
import type { CompiledAuthority, PolicyKey } from '../types.ts';
import { compileAuthority } from './authority.ts';
import { expressionCost } from './attestations.ts';
import { canonicalHash } from './canonical-hash.ts';
import type { CompiledPolicy, CompileResult } from './compiled-policy.ts';
import { refuseNotYet } from './not-yet.ts';
import type { ResolvedReferences } from './references.ts';
import { refuseOversized } from './oversized.ts';
import { Refused } from './refused.ts';
import { SPEC_SCHEMA } from './schema.gen.ts';
import { compileExclusions, compileScope, salvageScope } from './scope.ts';
import { compileSourceKeychains } from './sources.ts';
import type { TrustSources } from './trust.ts';
import { walk } from './walk.ts';

/** A policy as the API server has it: nothing is taken for granted but its kind and metadata. */
export interface RawPolicyObject {
  readonly kind: PolicyKey['kind'];
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly uid?: string; readonly generation?: number };
  readonly spec?: unknown;
}

/** What compilation is given beside the policy. */
export interface CompileContext {
  /** What `referencesOf(spec)` was resolved to. */
  readonly references: ResolvedReferences;
  /** The operator's own trust root. */
  readonly trustRoot: TrustSource;
  /** What is in a text that `trustTextsOf` lists. Unless given, the text is read, which may take tenths of a second. */
  readonly describe?: (form: TrustForm, text: string) => DescribedTrust;
  /** The names of the kinds that the operator watches; {@link SHIPPED_KINDS} unless told otherwise. */
  readonly kinds?: readonly string[];
}

/** What is in force, apart from who the policy is. */
type Content = Omit<CompiledPolicy, 'key' | 'uid' | 'generation'>;

const MINUTE = 60_000;
/** Instructions of all regular expressions of a policy: some tenths of a second to compile. */
const MAX_PATTERNS = 30_000;

/** Which policy an object is. */
export function policyKeyOf({ kind, metadata: { name, namespace } }: RawPolicyObject): PolicyKey {
  return kind === 'ImageVerification' && namespace !== undefined ? { kind, namespace, name } : { kind, name };
}

/**
 * Makes a policy ready to judge by, or says which field keeps it from that. Pure. Checks again what the API server checks,
 * because an older CRD may be installed than this build expects, and what no schema can check.
 */
export function compilePolicy(object: RawPolicyObject, context: CompileContext): CompileResult {
  const key = policyKeyOf(object);
  const identity = { key, uid: object.metadata.uid ?? '', generation: object.metadata.generation ?? 0 };
  try {
    const policy: CompiledPolicy = { ...identity, ...compileSpec(key, object.spec, context) };
    return { ...identity, status: 'compiled', policy, hash: policy.hash };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const refusal = { reason: error.code, field: error.field, message: messageOf(error) };
    const hash = canonicalHash({ key, spec: object.spec ?? null, refusal });
    return { ...identity, ...refusal, status: 'refused', hash, scope: salvageScope(key, object.spec) };
  }
}

function compileSpec(key: PolicyKey, raw: unknown, context: CompileContext): Content {
  refuseOversized(raw);
  const spec = walk(SPEC_SCHEMA, raw ?? {}, 'spec') as PolicySpec;
  refuseForbidden(key, spec);
  refuseNotYet(spec);
  const scope = compileScope(key, spec, context.kinds ?? SHIPPED_KINDS.map(({ name }) => name));
  const exclusions = compileExclusions(spec);
  refuseCostlyPatterns(spec);
  const { authorities, warnings } = compileAuthorities(spec, trustSourcesOf(context));
  const { mode = 'Patch', form = 'Digest', follow = 'Never' } = spec.pin ?? {};
  return {
    ...scope,
    ...exclusions,
    ...compileSourceKeychains(authorities, context.references),
    authorities,
    warnings,
    threshold: thresholdOf(spec),
    recheckInterval: recheckOf(spec),
    enforcement: spec.enforcement ?? 'Enforce',
    pin: { mode, form, follow },
    gate: spec.propagation?.gate ?? 'None',
    suspend: spec.suspend ?? false,
    hash: canonicalHash({ key, spec, authorities: authorities.map(({ hash }) => hash) }),
  };
}

function trustSourcesOf({ references, trustRoot, describe = read }: CompileContext): TrustSources {
  return { references, operator: describe(trustRoot.form, trustRoot.text), describe };
}

function read(form: TrustForm, text: string): DescribedTrust {
  const source = trustSource(form, text);
  return { source, description: describeTrust(source) };
}

function refuseForbidden(key: PolicyKey, { authorities }: PolicySpec): void {
  const kms = authorities.findIndex((authority) => authority.key?.kms !== undefined);
  if (key.kind === 'ImageVerification' && kms !== -1) {
    throw new Refused(`spec.authorities[${kms}].key.kms`, "is asked with the operator's own identity, so only a ClusterImageVerification may name it");
  }
  const names = authorities.map(({ name }) => name);
  const twice = names.findIndex((name, index) => names.indexOf(name) !== index);
  if (twice !== -1) throw new Refused(`spec.authorities[${twice}].name`, `"${names[twice]}" is the name of another authority too; give each its own`);
  const isStatic = authorities.findIndex((authority) => authority.static !== undefined);
  if (isStatic !== -1 && authorities.length > 1) {
    throw new Refused(`spec.authorities[${isStatic}].static`, 'must be the only authority of its policy; move it, with its images, to a policy of its own');
  }
}

/** WARNING: before anything is compiled. Each pattern is bounded, but a policy holds hundreds, and while they compile nothing else runs. */
function refuseCostlyPatterns({ authorities }: PolicySpec): void {
  const patterns = authorities.flatMap(({ keyless }) => (keyless?.identities ?? []).flatMap(({ issuerRegExp = '', subjectRegExp = '' }) => [issuerRegExp, subjectRegExp]));
  const size = patterns.reduce((sum, pattern) => sum + re2Size(pattern), expressionCost(authorities));
  if (size > MAX_PATTERNS) {
    throw new Refused('spec.authorities', `have regular expressions that together compile to about ${size} instructions, and at most ${MAX_PATTERNS} are allowed; repeat less, or use several policies`);
  }
}

function compileAuthorities(spec: PolicySpec, sources: TrustSources): { authorities: readonly CompiledAuthority[]; warnings: readonly string[] } {
  const compiled = spec.authorities.map((authority, index) => compileAuthority(authority, `spec.authorities[${index}]`, sources));
  const authorities = compiled.map(({ authority }) => authority);
  refuseSharedKeys(authorities);
  return { authorities, warnings: compiled.flatMap(({ warnings }) => warnings) };
}

/** One key in two authorities would let one signer stand for two of a threshold. */
function refuseSharedKeys(authorities: readonly CompiledAuthority[]): void {
  const holders = new Map<string, string>();
  for (const [index, { name, keys }] of authorities.entries()) {
    for (const { keyId } of keys) {
      const holder = holders.get(keyId);
      if (holder !== undefined) {
        throw new Refused(`spec.authorities[${index}].key`, `has a key of authority "${holder}" too (${keyId}); one signer cannot stand for two, remove it from one of them`);
      }
    }
    for (const { keyId } of keys) holders.set(keyId, name);
  }
}

function thresholdOf({ threshold = 1, authorities }: PolicySpec): number {
  if (threshold <= authorities.length) return threshold;
  throw new Refused('spec.threshold', `asks for ${threshold} of ${authorities.length} authorities; lower it or add authorities`);
}

function recheckOf({ recheckInterval = '24h' }: PolicySpec): number {
  const interval = parseDuration(recheckInterval);
  if (interval !== undefined && interval >= MINUTE) return interval;
  throw new Refused('spec.recheckInterval', `"${recheckInterval}" is no duration of at least a minute, such as 10m, 24h, 7d or 1h30m`);
}
