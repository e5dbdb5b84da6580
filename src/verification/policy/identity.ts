import { compileRe2, type Re2Weakness, weaknessesOf } from '../../api/re2.ts';
import type { PolicySpecAuthorityKeyless, PolicySpecAuthorityKeylessIdentity } from '../../api/v1alpha1.gen.ts';
import { CLAIM_NAMES } from '../../signatures/identity.ts';
import type { CompiledIdentity, StringMatch } from '../types.ts';
import { Refused, refusing } from './refused.ts';
import { suggest } from './suggest.ts';

const WEAKNESSES: Readonly<Record<Re2Weakness, string>> = {
  NoStartAnchor: 'does not start with ^, so it is also found inside of longer values',
  NoEndAnchor: 'does not end with $, so it also takes values that go on',
  TopLevelAlternation: 'has an alternation that its anchors do not enclose; write ^(…|…)$',
};

/**
 * Reads the identities of a keyless authority; none where there is no such authority.
 * @throws Refused
 */
export function compileIdentities(
  keyless: PolicySpecAuthorityKeyless | undefined,
  field: string,
): { readonly identities: readonly CompiledIdentity[]; readonly warnings: readonly string[] } {
  const warnings: string[] = [];
  const identities = (keyless?.identities ?? []).map((raw, index): CompiledIdentity => {
    const path = `${field}.identities[${index}]`;
    return {
      issuer: match(raw, 'issuer', path, warnings),
      subject: match(raw, 'subject', path, warnings),
      claims: claimsOf(raw, path),
    };
  });
  return { identities, warnings };
}

function match(raw: PolicySpecAuthorityKeylessIdentity, name: 'issuer' | 'subject', path: string, warnings: string[]): StringMatch {
  const exact = raw[name];
  const pattern = raw[`${name}RegExp`];
  if ((exact === undefined) === (pattern === undefined)) {
    throw new Refused(`${path}.${name}`, `give exactly one of ${name} and ${name}RegExp; without it anybody could have signed`);
  }
  if (pattern === undefined) return { exact: exact ?? '' };
  const field = `${path}.${name}RegExp`;
  refusing(field, () => compileRe2(pattern));
  warnings.push(...weaknessesOf(pattern).map((weakness) => `${field} ${WEAKNESSES[weakness]}`));
  return { pattern };
}

function claimsOf({ claims = {} }: PolicySpecAuthorityKeylessIdentity, path: string): Readonly<Record<string, string>> {
  const unknown = Object.keys(claims).find((name) => !CLAIM_NAMES.includes(name));
  if (unknown === undefined) return claims;
  const meant = suggest(unknown, CLAIM_NAMES);
  throw new Refused(`${path}.claims[${unknown}]`, `is no claim; ${meant === undefined ? `the claims are ${CLAIM_NAMES.join(', ')}` : `did you mean ${meant}?`}`);
}
