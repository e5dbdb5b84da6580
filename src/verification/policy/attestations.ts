import type { PolicySpecAuthority } from '../../api/v1alpha1.gen.ts';
import { re2Size } from '../../api/re2.ts';
import { predicateTypeOf } from '../../signatures/predicate-types.ts';
import { bracketsIn, checkPredicate, predicatePatterns } from '../predicate.ts';
import type { CompiledAttestation } from '../types.ts';
import { Refused, refusing } from './refused.ts';

/** Characters and opening brackets of all expressions of a policy: parsing them takes some tenths of a second. */
const MAX_EXPRESSIONS = 8_192;
const MAX_BRACKETS = 512;

/**
 * Reads what statements an authority must have signed (api.md, Authorities).
 * @param timed whether a log entry or a timestamp says when a statement was made
 * @throws Refused
 */
export function compileAttestations({ attestations = [] }: PolicySpecAuthority, field: string, timed: boolean): readonly CompiledAttestation[] {
  const names = attestations.map(({ name }) => name);
  return attestations.map(({ name, predicateType, policy, match = 'Any' }, index) => {
    const path = `${field}.attestations[${index}]`;
    if (names.indexOf(name) !== index) throw new Refused(`${path}.name`, `"${name}" is the name of another attestation too; give each its own`);
    const uri = predicateTypeOf(predicateType);
    if (!/^[a-z][a-z0-9+.-]*:[^ ]+$/.test(uri)) throw new Refused(`${path}.predicateType`, `"${predicateType}" is neither a URI nor a short name of cosign's, such as slsaprovenance1`);
    if (match === 'Newest' && !timed) throw new Refused(`${path}.match`, 'Newest needs a time that somebody vouches for; add ctlog: {} or rfc3161timestamp: {}');
    if (policy === undefined) return { name, predicateType: uri, match };
    refusing(`${path}.policy.cel`, () => checkPredicate(policy.cel));
    return { name, predicateType: uri, match, cel: policy.cel };
  });
}

/**
 * What the expressions of a policy cost to read, before any is compiled.
 * @throws Refused where it is too much
 */
export function expressionCost(authorities: readonly PolicySpecAuthority[]): number {
  const sources = authorities.flatMap(({ attestations = [] }) => attestations.flatMap(({ policy }) => policy?.cel ?? []));
  const length = sources.reduce((sum, source) => sum + source.length, 0);
  if (length > MAX_EXPRESSIONS) {
    throw new Refused('spec.authorities', `have CEL expressions of ${length} characters together, and at most ${MAX_EXPRESSIONS} are allowed; write less, or use several policies`);
  }
  const brackets = sources.reduce((sum, source) => sum + bracketsIn(source), 0);
  if (brackets > MAX_BRACKETS) {
    throw new Refused('spec.authorities', `have CEL expressions with ${brackets} opening brackets together, and at most ${MAX_BRACKETS} are allowed; write less, or use several policies`);
  }
  return sources.flatMap(predicatePatterns).reduce((sum, pattern) => sum + re2Size(pattern), 0);
}
