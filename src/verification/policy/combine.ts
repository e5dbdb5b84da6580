import type { Reason } from '../../api/reasons.ts';
import type { PolicyKey } from '../types.ts';
import type { CompiledPolicy, Enforcement, PinFollow, PinForm, PinMode } from './compiled-policy.ts';

/** The part of a compiled policy that says how to act. */
export type ActingPolicy = Pick<CompiledPolicy, 'key' | 'enforcement' | 'pin' | 'gate' | 'suspend' | 'authorities'>;

interface Combined {
  /** The strictest; `Audit` where no policy acts. */
  readonly enforcement: Enforcement;
  readonly gate: 'None' | 'Hold';
  /** The policies whose `pin.mode` gave way to that of another: each is to report `PinConflict`. */
  readonly conflicts: readonly PolicyKey[];
}

/** What to do about the verified images of one workload. `pin` is true only where the controller is to patch it. */
export type PinDecision = Combined &
  (
    | { readonly pin: true; readonly mode: 'Patch'; readonly form: PinForm; readonly follow: PinFollow }
    | { readonly pin: false; readonly mode: PinMode; readonly reason: Reason; readonly message: string }
  );

/**
 * Combines what the policies that govern one workload say about acting on it, strictest first (api.md, Matching): a policy
 * never weakens another. A suspended one says nothing; `Audit` and `static` cause no pin; any `Never` forbids it.
 */
export function combinePolicies(policies: readonly ActingPolicy[]): PinDecision {
  const acting = policies.filter(({ suspend }) => !suspend);
  const pinning = acting.filter((policy) => policy.enforcement !== 'Audit' && !isStatic(policy)).toSorted(byRank);
  const combined: Combined = { enforcement: strictest(acting), gate: acting.some(({ gate }) => gate === 'Hold') ? 'Hold' : 'None', conflicts: [] };
  const never = acting.find(({ pin }) => pin.mode === 'Never');
  if (never !== undefined) return { ...combined, ...unpinned('Never', 'NotPinned', `spec.pin.mode of ${nameOf(never.key)} is Never`) };
  const [first] = pinning;
  if (first === undefined) return { ...combined, ...whyNone(policies, acting) };
  const { mode } = first.pin;
  const conflicts = pinning.filter(({ pin }) => pin.mode !== mode).map(({ key }) => key);
  if (mode !== 'Patch') {
    return { ...combined, conflicts, ...unpinned(mode, 'NotPinned', `spec.pin.mode of ${nameOf(first.key)} is ${mode}, so the stored workload is not patched`) };
  }
  return {
    ...combined,
    conflicts,
    pin: true,
    mode,
    form: pinning.some(({ pin }) => pin.form === 'Digest') ? 'Digest' : 'TagAndDigest',
    follow: pinning.every(({ pin }) => pin.follow === 'IfVerified') ? 'IfVerified' : 'Never',
  };
}

function unpinned(mode: PinMode, reason: Reason, message: string): { pin: false; mode: PinMode; reason: Reason; message: string } {
  return { pin: false, mode, reason, message };
}

function whyNone(policies: readonly ActingPolicy[], acting: readonly ActingPolicy[]): { pin: false; mode: PinMode; reason: Reason; message: string } {
  if (policies.length === 0) return unpinned('Never', 'NotPinned', 'no policy governs it');
  if (acting.length === 0) return unpinned('Never', 'NotPinned', 'every policy that governs it is suspended');
  const reason = acting.some(isStatic) ? 'StaticPass' : 'NotPinned';
  const message = reason === 'StaticPass' ? 'a static answer verifies nothing, so it permits no pin' : 'spec.enforcement of every policy that governs it is Audit, which only reports';
  return unpinned('Never', reason, message);
}

function isStatic({ authorities }: ActingPolicy): boolean {
  return authorities.some(({ kind }) => kind === 'static');
}

function strictest(policies: readonly ActingPolicy[]): Enforcement {
  const found = (['Enforce', 'Warn'] as const).find((level) => policies.some(({ enforcement }) => enforcement === level));
  return found ?? 'Audit';
}

/** Cluster-wide policies first, then by name, so that the same ones always come to the same decision. */
function byRank(one: ActingPolicy, other: ActingPolicy): number {
  return rankOf(one) < rankOf(other) ? -1 : 1;
}

function rankOf({ key }: ActingPolicy): string {
  return `${key.kind === 'ClusterImageVerification' ? 0 : 1}/${key.namespace ?? ''}/${key.name}`;
}

function nameOf(key: PolicyKey): string {
  return key.namespace === undefined ? `${key.kind} ${key.name}` : `${key.kind} ${key.namespace}/${key.name}`;
}
