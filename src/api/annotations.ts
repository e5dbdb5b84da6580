/** Where a workload remembers what its digests were pinned from (api.md, `pin.form`). On the workload, never on its template. */
export const TAGS_ANNOTATION = 'assay.dev/tags';

/** On a policy: whenever its value changes, everything that the policy governs is judged afresh (as Flux's `reconcile.fluxcd.io/requestedAt`). */
export const REQUESTED_AT_ANNOTATION = 'assay.dev/requestedAt';
