/** What happened to one image under one policy, or under all that govern it (api.md, status). */
export const RESULTS = ['Verified', 'Failed', 'Unknown', 'Excluded', 'Static'] as const;
export type Result = (typeof RESULTS)[number];

/** Why: the closed list that status, events, metrics, the command line and the documentation share. */
export const REASONS = [
  'SignatureValid',
  'NoSignature',
  'SignatureInvalid',
  'IdentityMismatch',
  'KeyMismatch',
  'AnnotationMismatch',
  'DigestMismatch',
  'NotLogged',
  'TimestampInvalid',
  'CertificateInvalid',
  'AttestationMissing',
  'AttestationRejected',
  'ThresholdNotMet',
  'SignatureTooOld',
  'Excluded',
  'StaticPass',
  'StaticFail',
  'TagNotFound',
  'RegistryUnauthorized',
  'RegistryThrottled',
  'RegistryUnavailable',
  'ManifestInvalid',
  'TrustRootUnavailable',
  'TrustRootExpired',
  'LimitExceeded',
  'PolicyInvalid',
  'DigestDroppedByOverride',
  'PatchConflict',
  'PatchForbidden',
  'NotPatchable',
  'NotPinned',
  'PinContested',
  'PinConflict',
  'RollbackRefused',
] as const;
export type Reason = (typeof REASONS)[number];

/** Reasons that only conditions carry, beside {@link REASONS}. */
export const CONDITION_REASONS = [
  'Compiled',
  'Suspended',
  'NoImages',
  'AllVerified',
  'SomeFailed',
  'ReferenceMissing',
  'NoEnforcementPoint',
  'ClustersUnknown',
  'GateNotInstalled',
  'NothingHeld',
] as const;
export type ConditionReason = Reason | (typeof CONDITION_REASONS)[number];

/** State of a workload as the metric `assay_workloads` counts it; the first that applies in this order. */
export const WORKLOAD_STATES = [
  'pinned',
  'verified',
  'failed',
  'unknown',
  'excluded',
  'unmatched',
  'held',
  'contested',
] as const;
export type WorkloadState = (typeof WORKLOAD_STATES)[number];
