import { parseDuration } from '../../api/duration.ts';
import type { PolicySpec, PolicySpecAuthority } from '../../api/v1alpha1.gen.ts';
import { Refused } from './refused.ts';

/** A field that the API has and this build does not act on, with what to do meanwhile. */
interface NotYet<Holder> {
  readonly field: string;
  readonly isSet: (holder: Holder) => boolean;
  readonly advice: string;
}

const OF_AUTHORITY: readonly NotYet<PolicySpecAuthority>[] = [
  { field: 'key.kms', isSet: ({ key }) => key?.kms !== undefined, advice: 'export the public key with cosign public-key and give it as data or secretRef' },
];

/** The interval that the API server writes by default: it cannot be told from one that was not given. */
const FOLLOW_INTERVAL = 600_000;

const OF_SPEC: readonly NotYet<PolicySpec>[] = [
  { field: 'pin.mode', isSet: ({ pin }) => pin?.mode === 'Admission' || pin?.mode === 'Work', advice: 'use Patch, or Never to verify and report only' },
  { field: 'pin.follow', isSet: ({ pin }) => pin?.follow === 'IfVerified', advice: 'use Never; applying the tag again pins what it points to by then' },
  {
    field: 'pin.followInterval',
    isSet: ({ pin }) => pin?.followInterval !== undefined && parseDuration(pin.followInterval) !== FOLLOW_INTERVAL,
    advice: 'remove it; no tag is followed',
  },
  { field: 'propagation.gate', isSet: ({ propagation }) => propagation?.gate === 'Hold', advice: 'use None' },
  { field: 'release', isSet: ({ release }) => (release ?? []).length > 0, advice: 'remove it; nothing is held or refused that it could let through' },
];

/** Every field that {@link refuseNotYet} refuses, by its path below `spec`, with what to do meanwhile. */
export const NOT_YET: readonly { readonly field: string; readonly advice: string }[] = [
  ...OF_AUTHORITY.map(({ field, advice }) => ({ field: `authorities[].${field}`, advice })),
  ...OF_SPEC.map(({ field, advice }) => ({ field, advice })),
];

/**
 * Refuses what the API has and this build does not act on: a field is never accepted and ignored. Defaults that the API server
 * writes are not taken for a wish.
 * @throws Refused
 */
export function refuseNotYet(spec: PolicySpec): void {
  for (const [index, authority] of spec.authorities.entries()) refuse(OF_AUTHORITY, authority, `spec.authorities[${index}]`);
  refuse(OF_SPEC, spec, 'spec');
}

function refuse<Holder>(table: readonly NotYet<Holder>[], holder: Holder, path: string): void {
  const found = table.find(({ isSet }) => isSet(holder));
  if (found !== undefined) throw new Refused(`${path}.${found.field}`, `this version of Assay does not act on it yet; ${found.advice}`);
}
