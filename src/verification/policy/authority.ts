import { parseTime } from '../../api/conditions.ts';
import { DURATION_FORM, parseDuration } from '../../api/duration.ts';
import type { PolicySpecAuthority } from '../../api/v1alpha1.gen.ts';
import { parsePublicKeys, type PublicKey } from '../../signatures/public-key.ts';
import type { TrustRecipe } from '../../signatures/trust-recipe.ts';
import type { CompiledAuthority } from '../types.ts';
import { canonicalHash } from './canonical-hash.ts';
import { compileAttestations } from './attestations.ts';
import { compileIdentities } from './identity.ts';
import { resolve, type ResolvedReferences } from './references.ts';
import { Refused, refusing } from './refused.ts';
import { compileSources } from './sources.ts';
import { compileTrust, type TrustSources } from './trust.ts';

/** An authority, and what is worth saying of it. */
export interface AuthorityCompilation {
  readonly authority: CompiledAuthority;
  readonly warnings: readonly string[];
}

/**
 * Resolves one authority (api.md, Authorities).
 * @param field its path, `spec.authorities[0]`
 * @throws Refused
 */
export function compileAuthority(raw: PolicySpecAuthority, field: string, sources: TrustSources): AuthorityCompilation {
  const kind = kindOf(raw, field);
  const { identities, warnings } = compileIdentities(raw.keyless, `${field}.keyless`);
  const log = logOf(raw, kind, field);
  const timestamp = raw.rfc3161timestamp === undefined ? 'NotAsked' : 'Required';
  const sct = sctOf(raw, field);
  const trust = compileTrust(raw, field, { log: log === 'Required', sct: sct === 'Required', timestamp: timestamp === 'Required' }, sources);
  const timed = log === 'Required' || timestamp === 'Required';
  const authority: Omit<CompiledAuthority, 'hash'> = {
    name: raw.name,
    kind,
    keys: kind === 'key' ? keysOf(raw, field, sources.references) : [],
    identities,
    log,
    timestamp,
    sct,
    annotations: raw.annotations ?? {},
    requireRepository: raw.requireRepository ?? false,
    attestations: compileAttestations(raw, field, timed),
    sources: compileSources(raw, field),
    ...(raw.static === undefined ? {} : { static: { action: raw.static.action, message: raw.static.message ?? '' } }),
    ...(trust === undefined ? {} : { trust }),
    ...agesOf(raw, field, timed),
  };
  return { authority: { ...authority, hash: hashOf(authority, trust) }, warnings: [...warnings, ...timeWarnings(raw, field)] };
}

/**
 * A log and a timestamp authority say when a signature was seen, not when it was made. A certificate of Fulcio ends minutes after it was made; a key
 * does not, and whoever can write to the log can have an old signature by it logged anew (the other ECDSA signature of the same two, say).
 */
function timeWarnings({ key, keyless, notBefore, maxAge, attestations = [] }: PolicySpecAuthority, field: string): readonly string[] {
  if (key === undefined && keyless?.caCert === undefined) return [];
  const newest = attestations.findIndex(({ match }) => match === 'Newest');
  const dated = [
    ...(notBefore === undefined ? [] : [`${field}.notBefore`]),
    ...(maxAge === undefined ? [] : [`${field}.maxAge`]),
    ...(newest === -1 ? [] : [`${field}.attestations[${newest}].match`]),
  ];
  return dated.map((path) => `${path} goes by when a signature was logged or stamped, and anybody can have an old one by a key, or by a certificate that is valid for long, logged or stamped anew; certificates of minutes (keyless with Fulcio) rule that out`);
}

function kindOf(raw: PolicySpecAuthority, field: string): CompiledAuthority['kind'] {
  const kinds = (['key', 'keyless', 'static'] as const).filter((kind) => raw[kind] !== undefined);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) throw new Refused(field, 'has to have exactly one of key, keyless and static');
  if (kind === 'static') {
    const others = (['ctlog', 'rfc3161timestamp', 'source', 'attestations', 'annotations', 'notBefore', 'maxAge'] as const).filter((name) => raw[name] !== undefined);
    const beside = others[0] ?? (raw.requireRepository === true ? 'requireRepository' : undefined);
    if (beside !== undefined) throw new Refused(`${field}.${beside}`, 'has no effect beside static, which looks at no signature; remove it');
  }
  return kind;
}

/** With certificate authorities of one's own there is no log that all of their certificates are in. */
function sctOf({ keyless }: PolicySpecAuthority, field: string): 'Required' | 'Ignored' {
  if (keyless === undefined) return 'Ignored';
  if (keyless.caCert === undefined) return keyless.insecureIgnoreSCT === true ? 'Ignored' : 'Required';
  if (keyless.trustRootRef !== undefined) throw new Refused(`${field}.keyless.caCert`, 'certificates are judged by trustRootRef or caCert, not by both; remove one of them');
  if (keyless.insecureIgnoreSCT === true) throw new Refused(`${field}.keyless.insecureIgnoreSCT`, 'has no effect beside caCert, where no SCT is asked for; remove it');
  return 'Ignored';
}

function logOf({ ctlog, rfc3161timestamp }: PolicySpecAuthority, kind: CompiledAuthority['kind'], field: string): 'Required' | 'Ignored' {
  if (ctlog === undefined) return kind === 'keyless' ? 'Required' : 'Ignored';
  if (ctlog.insecureIgnore !== true) return 'Required';
  if (ctlog.trustRootRef !== undefined) throw new Refused(`${field}.ctlog.trustRootRef`, 'has no effect beside insecureIgnore; remove one of them');
  if (kind === 'keyless' && rfc3161timestamp === undefined) {
    throw new Refused(`${field}.ctlog.insecureIgnore`, 'without a log entry nothing says when a keyless signature was made; add rfc3161timestamp: {}, or remove it');
  }
  return 'Ignored';
}

function keysOf({ key }: PolicySpecAuthority, field: string, references: ResolvedReferences): readonly PublicKey[] {
  if (key === undefined || (key.data === undefined) === (key.secretRef === undefined)) {
    throw new Refused(`${field}.key`, 'comes from exactly one of data, secretRef and kms');
  }
  const path = key.data === undefined ? `${field}.key.secretRef` : `${field}.key.data`;
  const pem = key.data ?? resolve({ kind: 'Secret', name: key.secretRef?.name ?? '', key: key.secretRef?.key ?? 'cosign.pub', field: path }, references);
  return refusing(path, () => parsePublicKeys(pem, key.hashAlgorithm ?? 'sha256'));
}

function agesOf({ notBefore, maxAge }: PolicySpecAuthority, field: string, timed: boolean): Pick<CompiledAuthority, 'notBefore' | 'maxAge'> {
  const which = notBefore === undefined ? 'maxAge' : 'notBefore';
  if ((notBefore !== undefined || maxAge !== undefined) && !timed) {
    throw new Refused(`${field}.${which}`, 'needs a time that somebody vouches for; add ctlog: {} or rfc3161timestamp: {}');
  }
  const age = maxAge === undefined ? undefined : parseDuration(maxAge);
  if (maxAge !== undefined && (age === undefined || age === 0)) throw new Refused(`${field}.maxAge`, `"${maxAge}" is not ${DURATION_FORM}`);
  const start = notBefore === undefined ? undefined : parseTime(notBefore);
  return { ...(start === undefined ? {} : { notBefore: start }), ...(age === undefined ? {} : { maxAge: age }) };
}

/** The name is in it because verdicts, which are cached by this hash, name the authority. */
function hashOf({ keys, trust: _, ...rest }: Omit<CompiledAuthority, 'hash'>, trust: TrustRecipe | undefined): string {
  return canonicalHash({ ...rest, keys: keys.map(({ keyId, hashAlgorithm }) => [keyId, hashAlgorithm]), trust: trust?.hash ?? null });
}
