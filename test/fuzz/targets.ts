import type { FuzzTarget } from './target.ts';
import { API_TARGETS } from './targets/api.ts';
import { ATTESTATION_TARGETS } from './targets/attestations.ts';
import { KARMADA_TARGETS } from './targets/karmada.ts';
import { OBJECT_TARGETS } from './targets/objects.ts';
import { REGISTRY_TARGETS } from './targets/registry.ts';
import { SIGNATURE_TARGETS } from './targets/signatures.ts';

/** Every parser of bytes from outside. */
export const TARGETS: readonly FuzzTarget[] = [...SIGNATURE_TARGETS, ...ATTESTATION_TARGETS, ...REGISTRY_TARGETS, ...API_TARGETS, ...OBJECT_TARGETS, ...KARMADA_TARGETS];
