import type { PolicySpec } from '../../api/v1alpha1.gen.ts';
import type { Digest } from '../../base/digest.ts';
import type { JudgingPolicy, PolicyKey } from '../types.ts';

export type Enforcement = NonNullable<PolicySpec['enforcement']>;
type Pin = Required<NonNullable<PolicySpec['pin']>>;
export type PinMode = Pin['mode'];
export type PinForm = Pin['form'];
export type PinFollow = Pin['follow'];

/** What a policy is held against to know whether it governs a workload. */
export interface WorkloadSubject {
  /** Undefined where it says nothing of what runs: then every choice by kinds chooses it. */
  readonly kind: string | undefined;
  readonly namespace: string;
  /** Undefined where they are not known: then every choice by labels chooses it. */
  readonly labels: Readonly<Record<string, string>> | undefined;
  readonly namespaceLabels: Readonly<Record<string, string>>;
}

/**
 * Which workloads and images a policy is about. A policy that does not compile has one too, as far as it can be read:
 * a choice of workloads or namespaces that cannot be read chooses all, a glob that cannot be read none.
 */
export interface PolicyScope {
  readonly governsWorkload: (workload: WorkloadSubject) => boolean;
  /** Asked with the canonical name, `ImageReference.name`. */
  readonly governsImage: (name: string) => boolean;
}

/** Why an image is excused from one policy. */
export interface Exclusion {
  readonly glob: string;
  readonly reason: string;
  /** Milliseconds since the epoch; absent: until it is removed. */
  readonly until?: number;
}

/** A policy of which everything is read and resolved. */
export interface CompiledPolicy extends JudgingPolicy, PolicyScope {
  readonly uid: string;
  readonly generation: number;
  readonly enforcement: Enforcement;
  readonly pin: { readonly mode: PinMode; readonly form: PinForm; readonly follow: PinFollow };
  readonly gate: 'None' | 'Hold';
  readonly suspend: boolean;
  /** Accepted, but worth saying in `Ready`: each names its field. */
  readonly warnings: readonly string[];
  /** Changes with everything that decides about an image or about what is done. */
  readonly hash: string;
  /**
   * The exclusion that excuses this image at `now` (milliseconds since the epoch). One by digest counts only where the
   * digest is known.
   */
  readonly exclusion: (image: { readonly name: string; readonly digest?: Digest }, now: number) => Exclusion | undefined;
  /** When the next exclusion ends, milliseconds since the epoch: what it excused must be judged then. */
  readonly nextExpiry: (now: number) => number | undefined;
}

/** Why a policy is not in force. */
export interface PolicyRefusal {
  readonly reason: 'PolicyInvalid' | 'ReferenceMissing' | 'TrustRootUnavailable' | 'TrustRootExpired';
  /** Path of the field, such as `spec.authorities[0].key.kms`. */
  readonly field: string;
  /** What is wrong with it and what to do; does not repeat the path. */
  readonly message: string;
}

interface Compilation {
  readonly key: PolicyKey;
  readonly uid: string;
  readonly generation: number;
  readonly hash: string;
}

/** What came of compiling a policy. */
export type CompileResult = Compilation &
  (
    | { readonly status: 'compiled'; readonly policy: CompiledPolicy }
    | (PolicyRefusal & { readonly status: 'refused'; readonly scope: PolicyScope })
  );
