import { compileExclusionPattern, compileGlob, matchesGlob } from '../../api/image-glob.ts';
import { compileLabelSelector, type LabelMatcher, type LabelSelector, LabelSelectorError } from '../../api/label-selector.ts';
import type { PolicySpec } from '../../api/v1alpha1.gen.ts';
import { parseTime } from '../../api/conditions.ts';
import type { PolicyKey } from '../types.ts';
import type { CompiledPolicy, Exclusion, PolicyScope } from './compiled-policy.ts';
import { Refused, refusing } from './refused.ts';

/**
 * Reads which workloads and images a policy is about.
 * @param kinds the kinds that the operator watches
 * @throws Refused
 */
export function compileScope(key: PolicyKey, spec: PolicySpec, kinds: readonly string[]): PolicyScope {
  const globs = spec.images.map(({ glob }, index) => refusing(`spec.images[${index}].glob`, () => compileGlob(glob)));
  if (key.kind === 'ImageVerification' && spec.namespaceSelector !== undefined) {
    throw new Refused('spec.namespaceSelector', 'an ImageVerification governs its own namespace; remove it, or use a ClusterImageVerification');
  }
  for (const [index, kind] of (spec.workloads?.kinds ?? []).entries()) {
    if (kinds.includes(kind)) continue;
    throw new Refused(`spec.workloads.kinds[${index}]`, `"${kind}" is not watched, so nothing of it would be governed; ${meant(kind, kinds)}`);
  }
  if (spec.workloads !== undefined && spec.workloads.kinds === undefined && spec.workloads.selector === undefined) {
    throw new Refused('spec.workloads', 'is empty; give kinds or a selector, or remove it to govern all workloads');
  }
  return scopeOf(key, {
    governsImage: (name) => globs.some((glob) => matchesGlob(glob, name)),
    kinds: spec.workloads?.kinds,
    selects: compileSelector(spec.workloads?.selector, 'spec.workloads.selector'),
    selectsNamespace: compileSelector(spec.namespaceSelector, 'spec.namespaceSelector'),
  });
}

/** What to write instead: the same kind with its group, or without the one of Kubernetes' own. */
function meant(kind: string, kinds: readonly string[]): string {
  const [bare = kind] = kind.split('.', 1);
  const same = kinds.filter((one) => one === bare || one.startsWith(`${bare}.`));
  return same.length > 0 ? `write ${same.join(' or ')}` : `watched are ${kinds.join(', ')}`;
}

/** The scope of a policy that does not compile, as far as its JSON can be read. */
export function salvageScope(key: PolicyKey, spec: unknown): PolicyScope {
  const { images, workloads, namespaceSelector } = (spec ?? {}) as Record<string, unknown>;
  const { kinds, selector } = (workloads ?? {}) as Record<string, unknown>;
  const globs = (Array.isArray(images) ? images : []).flatMap((entry: unknown) => attempt(() => [compileGlob((entry as { glob: string }).glob)]) ?? []);
  const isKinds = Array.isArray(kinds) && kinds.every((kind) => typeof kind === 'string');
  return scopeOf(key, {
    governsImage: (name) => globs.some((glob) => matchesGlob(glob, name)),
    kinds: isKinds ? kinds : undefined,
    selects: salvageSelector(selector),
    selectsNamespace: salvageSelector(namespaceSelector),
  });
}

/** Reads `exclude`. @throws Refused */
export function compileExclusions(spec: PolicySpec): Pick<CompiledPolicy, 'exclusion' | 'nextExpiry'> {
  const exclusions = (spec.exclude ?? []).map(({ glob, reason, until }, index) => {
    const pattern = refusing(`spec.exclude[${index}].glob`, () => compileExclusionPattern(glob));
    const end = until === undefined ? undefined : parseTime(until);
    const exclusion: Exclusion = { glob, reason, ...(end === undefined ? {} : { until: end }) };
    return { pattern, exclusion };
  });
  return {
    exclusion: ({ name, digest }, now) =>
      exclusions.find(
        ({ pattern, exclusion: { until } }) =>
          (until === undefined || now < until) &&
          (pattern.digest === undefined || pattern.digest === digest) &&
          matchesGlob(pattern.glob, name),
      )?.exclusion,
    nextExpiry: (now) => {
      const ends = exclusions.flatMap(({ exclusion: { until } }) => (until !== undefined && until > now ? [until] : []));
      return ends.length === 0 ? undefined : Math.min(...ends);
    },
  };
}

interface Parts {
  readonly governsImage: (name: string) => boolean;
  readonly kinds: readonly string[] | undefined;
  readonly selects: LabelMatcher;
  readonly selectsNamespace: LabelMatcher;
}

function scopeOf(key: PolicyKey, { governsImage, kinds, selects, selectsNamespace }: Parts): PolicyScope {
  const inNamespace =
    key.kind === 'ImageVerification'
      ? (namespace: string) => namespace === key.namespace
      // What has no namespace runs in all of them (a SidecarSet): no choice of namespaces takes it out.
      : (namespace: string, labels: Readonly<Record<string, string>>) => namespace === '' || selectsNamespace(labels);
  return {
    governsImage,
    governsWorkload: ({ kind, namespace, labels, namespaceLabels }) =>
      inNamespace(namespace, namespaceLabels) && (kinds === undefined || kind === undefined || kinds.includes(kind)) && (labels === undefined || selects(labels)),
  };
}

function compileSelector(selector: LabelSelector | undefined, field: string): LabelMatcher {
  if (selector === undefined) return () => true;
  if (selector.matchLabels === undefined && selector.matchExpressions === undefined) {
    throw new Refused(field, 'is empty; give matchLabels or matchExpressions, or remove it to select all');
  }
  try {
    return compileLabelSelector(selector);
  } catch (error) {
    if (!(error instanceof LabelSelectorError)) throw error;
    throw new Refused(`${field}.${error.path}`, error.message, 'PolicyInvalid', { cause: error });
  }
}

function salvageSelector(selector: unknown): LabelMatcher {
  const matcher = selector === undefined ? undefined : attempt(() => compileLabelSelector(selector as LabelSelector));
  return (labels) => matcher === undefined || (attempt(() => matcher(labels)) ?? true);
}

function attempt<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
