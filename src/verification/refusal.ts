import type { Result } from '../api/reasons.ts';
import type { Miss } from './assess.ts';
import { PROGRESS } from './assess.ts';
import type { Found } from './evidence-types.ts';
import { merge } from './evidence-types.ts';
import { failureVerdict } from './failure.ts';
import type { Facts, Judgement } from './judge.ts';
import { MESSAGE_LIMIT, REMEDIES, clip, quote } from './sentences.ts';
import type { CompiledAuthority, JudgingPolicy } from './types.ts';

/** Why one signature does not count for one authority, and where it is. */
export interface PlacedMiss extends Miss {
  readonly authority: CompiledAuthority;
  readonly location: string;
}

/**
 * The verdict when no more can pass; `signed` are the authorities that did.
 * WARNING: whatever could not be looked at comes before any statement about what was: an outage must never
 * read as a refusal.
 */
export function refused(policy: JudgingPolicy, facts: Facts, signed: readonly CompiledAuthority[], misses: readonly PlacedMiss[]): Judgement {
  const { image, digest } = facts;
  // Authorities that look in one place share what was found there.
  const evidence = merge([...new Set(facts.evidence)]);
  const [failure] = evidence.failures;
  if (failure !== undefined) return failureVerdict(failure);
  const untrusted = misses.find((miss) => miss.reason === 'TrustRootUnavailable');
  if (untrusted !== undefined) return missed('Unknown', untrusted, 1);
  if (evidence.omitted > 0) {
    const message = `none of the first ${evidence.candidates.length + evidence.defects.length} signatures counts and ${evidence.omitted} more were not looked at; ${REMEDIES.LimitExceeded}`;
    return { result: 'Failed', reason: 'LimitExceeded', message };
  }
  const all = [...misses, ...defects(policy, evidence)];
  if (signed.length > 0) return belowThreshold(policy, signed, all);
  const miss = closest(all);
  if (miss !== undefined && miss.reason !== 'NoSignature') return missed('Failed', miss, all.length);
  const seen = evidence.attestations + all.length;
  const attested = seen === 0 ? '' : ` (${seen} attestation${seen > 1 ? 's' : ''} found: an attestation is not a signature)`;
  const places = placesOf(policy);
  const [place] = places;
  const where = place === undefined ? '' : ` in ${places.join(', ')}`;
  const how = place === undefined ? '' : `COSIGN_REPOSITORY=${place} `;
  const message = `no signature of ${image.name}@${digest} was found${where}${attested}; sign it with: ${how}cosign sign ${image.name}@${digest}`;
  return { result: 'Failed', reason: 'NoSignature', message: clip(message, MESSAGE_LIMIT) };
}

/** Where signatures were looked for, if none of the authorities looks beside the image. */
function placesOf({ authorities }: JudgingPolicy): readonly string[] {
  if (authorities.some(({ sources }) => sources.length === 0)) return [];
  return [...new Set(authorities.flatMap(({ sources }) => sources.map(({ host, path }) => `${host}/${path}`)))].slice(0, 2);
}

function belowThreshold({ threshold }: JudgingPolicy, signed: readonly CompiledAuthority[], misses: readonly PlacedMiss[]): Judgement {
  const names = signed.map(({ name }) => quote(name, 63)).join(', ');
  const why = closest(misses.filter((miss) => !signed.includes(miss.authority)));
  const wants = `${threshold} authorities must have signed, each a signer of its own, and only ${names} did`;
  const hint = why === undefined || why.reason === 'NoSignature' ? 'let another authority sign' : clip(why.text, 240);
  return { result: 'Failed', reason: 'ThresholdNotMet', message: clip(`${wants}; ${hint}`, MESSAGE_LIMIT) };
}

function missed(result: Result, miss: PlacedMiss, among: number): Judgement {
  const remedy = REMEDIES[miss.reason] ?? 'sign the image again';
  const place = clip(miss.location.replaceAll(/(sha256[-:][0-9a-f]{12})[0-9a-f]{52}/g, '$1…'), 120);
  const end = `; ${remedy} (${among > 1 ? `the closest of ${among} signatures: ` : ''}${place})`;
  return { result, reason: miss.reason, message: `${clip(miss.text, MESSAGE_LIMIT - end.length)}${end}`, authority: miss.authority.name };
}

/** The miss that got furthest, the first of equals. */
export function closest(misses: readonly PlacedMiss[]): PlacedMiss | undefined {
  return misses.reduce<PlacedMiss | undefined>((best, miss) => (best === undefined || progress(miss) > progress(best) ? miss : best), undefined);
}

function progress({ reason }: PlacedMiss): number {
  return PROGRESS.indexOf(reason);
}

function defects({ authorities }: JudgingPolicy, evidence: Found): PlacedMiss[] {
  const [authority] = authorities;
  return authority === undefined ? [] : evidence.defects.map(({ reason, message, location }) => ({ authority, reason, text: message, location }));
}

/**
 * The verdict of a policy of static authorities, which needs no evidence; `undefined` where a policy has none. Beside
 * another authority a static one could let everything through: such a policy judges nothing.
 */
export function staticJudgement({ authorities }: Pick<JudgingPolicy, 'authorities'>): Judgement | undefined {
  const authority = authorities.find((one) => one.static !== undefined);
  if (authority?.static === undefined) return undefined;
  if (authorities.length > 1) {
    const message = 'a static authority must be the only one of its policy; put it into a policy of its own';
    return { result: 'Unknown', reason: 'PolicyInvalid', message };
  }
  const message = clip(authority.static.message, MESSAGE_LIMIT);
  return authority.static.action === 'pass'
    ? { result: 'Static', reason: 'StaticPass', message, authority: authority.name }
    : { result: 'Failed', reason: 'StaticFail', message, authority: authority.name };
}

/** The verdict when the time for proving is used up. It is no refusal: what was proven is remembered, and the next try goes on. */
export function exhausted(): Judgement {
  const message = `proving the signatures took too long, and none counted so far; ${REMEDIES.LimitExceeded}`;
  return { result: 'Unknown', reason: 'LimitExceeded', message };
}
