import { candidateKey } from './evidence.ts';
import type { Evidence } from './evidence-types.ts';
import type { Accepted } from './consider.ts';
import { consider } from './consider.ts';
import type { Facts, Step, StepAnswer } from './judge.ts';
import type { PlacedMiss } from './refusal.ts';
import { closest } from './refusal.ts';
import { clip, harmless, quote, signerText } from './sentences.ts';
import type { CompiledAttestation, CompiledAuthority } from './types.ts';

/** Statements that satisfy everything that an authority demands, all by signers that may stand for it together. */
export interface Attested {
  /** At least one; the one of the first demand comes first. */
  readonly statements: readonly Accepted[];
}

/** Every way in which an authority is satisfied, one for each signer that does it alone; or why it is not. */
export type AttestedOutcome = { readonly ways: readonly Attested[] } | { readonly misses: readonly PlacedMiss[] } | 'exhausted';

/** The statements that satisfy one demand, or why none does. */
type DemandOutcome = { readonly satisfying: readonly Accepted[] } | { readonly miss: PlacedMiss } | 'exhausted';

/**
 * Judges an authority that wants attestations (api.md, Authorities): each that it names must be there and be satisfied. Only statements
 * that the authority itself verified, about this digest, are looked at.
 */
export function* attested(authority: CompiledAuthority, evidence: Evidence, facts: Facts): Generator<Step, AttestedOutcome, StepAnswer> {
  const verified: Accepted[] = [];
  const misses: PlacedMiss[] = [];
  for (const candidate of evidence.candidates) {
    // A plain signature states nothing.
    if (candidate.format === 'legacy') continue;
    const outcome = yield* consider(candidate, authority, facts);
    if (outcome === 'exhausted') return outcome;
    if ('accepted' in outcome) verified.push(outcome.accepted);
    else misses.push(outcome.miss);
  }
  const demands: (readonly Accepted[])[] = [];
  const unmet: PlacedMiss[] = [];
  for (const attestation of authority.attestations) {
    const outcome = yield* meet({ authority, attestation, evidence, verified, misses });
    if (outcome === 'exhausted') return outcome;
    if ('miss' in outcome) unmet.push(outcome.miss);
    else demands.push(outcome.satisfying);
  }
  if (unmet.length === 0) return { ways: waysOf(demands) };
  // What could not be judged for lack of trust is no refusal, whatever else there is.
  return { misses: [...unmet, ...misses.filter(({ reason }) => reason === 'TrustRootUnavailable')] };
}

/** One demand of an authority, with everything that is known for it. */
interface Demand {
  readonly authority: CompiledAuthority;
  readonly attestation: CompiledAttestation;
  readonly evidence: Evidence;
  readonly verified: readonly Accepted[];
  readonly misses: readonly PlacedMiss[];
}

function* meet(demand: Demand): Generator<Step, DemandOutcome, StepAnswer> {
  const { authority, attestation, evidence, verified } = demand;
  const { match, predicateType } = attestation;
  const ofType = verified.filter(({ type }) => type === predicateType);
  if (ofType.length === 0) return { miss: missing(demand) };
  // One that was not looked at may be the one that says otherwise.
  const unseen = match === 'Any' ? undefined : unseenOf(evidence);
  if (unseen !== undefined) return { miss: rejected(demand, ofType[0], `not all of them could be looked at, and ${match} of them must satisfy it${unseen.why}`, unseen.reason) };
  const newest = match === 'Newest' ? newestOf(ofType) : ofType;
  if (newest.length === 0) return { miss: rejected(demand, ofType[0], 'no log or timestamp authority says when it was made, so that the newest is not known') };
  const satisfying: Accepted[] = [];
  const refused: [Accepted, string][] = [];
  for (const statement of newest) {
    const answer = attestation.cel === undefined ? ({ satisfied: true } as const) : yield { candidate: statement.candidate, cel: attestation.cel, authority };
    if (answer === 'exhausted') return answer;
    if (!('satisfied' in answer)) throw new TypeError('a predicate was asked for');
    if (answer.satisfied) satisfying.push(statement);
    else refused.push([statement, answer.why]);
  }
  const [first] = refused;
  if (first === undefined || (match === 'Any' && satisfying.length > 0)) return { satisfying };
  return { miss: rejected(demand, first[0], `${first[1]}${among(match, refused.length, newest.length)}`) };
}

function unseenOf({ failures, omitted, defects }: Evidence): { readonly reason: PlacedMiss['reason']; readonly why: string } | undefined {
  const unread = defects.filter((defect) => defect.unread === true);
  if (failures.length > 0 || omitted > 0 || unread.some(({ reason }) => reason === 'LimitExceeded')) return { reason: 'LimitExceeded', why: '' };
  const [first] = unread;
  return first && { reason: 'AttestationRejected', why: `: ${first.message}` };
}

function among(match: CompiledAttestation['match'], refused: number, all: number): string {
  if (all === 1) return match === 'Newest' ? '; it is the newest' : '';
  return match === 'Any' ? `; so it is with each of ${all}` : `; ${match} must satisfy it, and ${refused} of ${all} do not`;
}

/** Of several of one moment each counts. One without an authenticated time may be older than any. */
function newestOf(statements: readonly Accepted[]): readonly Accepted[] {
  const newest = Math.max(...statements.flatMap(({ signedAt }) => (signedAt === undefined ? [] : [signedAt])));
  return statements.filter(({ signedAt }) => signedAt === newest);
}

function missing({ authority, attestation, evidence, verified, misses }: Demand): PlacedMiss {
  const wants = `authority ${quote(authority.name, 63)} wants an attestation ${quote(attestation.name, 63)} of type ${quote(attestation.predicateType)}`;
  const why = closest(misses);
  const types = [...new Set([...verified.map(({ type }) => type), ...(evidence.otherTypes ?? [])])];
  const found = types.length === 0 ? 'and there is none' : `and only others were found: ${types.slice(0, 3).map((type) => quote(type)).join(', ')}`;
  const location = why?.location ?? evidence.digest;
  return { authority, reason: 'AttestationMissing', text: why === undefined ? `${wants}, ${found}` : `${wants}, and none counts: ${clip(why.text, 300)}`, location };
}

function rejected({ authority, attestation }: Demand, statement: Accepted | undefined, why: string, reason: PlacedMiss['reason'] = 'AttestationRejected'): PlacedMiss {
  const { name, cel } = attestation;
  const by = statement === undefined ? '' : ` by ${signerText(statement.signer)}`;
  const wants = cel === undefined ? '' : ` of ${quote(cel, 160)}`;
  const text = `the attestation ${quote(name, 63)}${by} is not what authority ${quote(authority.name, 63)} wants: ${harmless(why, 160)}${wants}`;
  return { authority, reason, text, location: statement?.candidate.location ?? '' };
}

/** A signer that satisfies every demand does so alone; where none does, those that do it together are one party. */
function waysOf(demands: readonly (readonly Accepted[])[]): readonly Attested[] {
  const [first = [], ...others] = demands;
  const alone = first.flatMap((statement) => {
    const rest = others.map((satisfying) => satisfying.find(({ signer }) => isSame(signer, statement.signer)));
    return rest.every((one) => one !== undefined) ? [{ statements: [statement, ...rest] }] : [];
  });
  return alone.length > 0 ? alone : [{ statements: distinct(demands.flatMap(([one]) => (one === undefined ? [] : [one]))) }];
}

function distinct(statements: readonly Accepted[]): readonly Accepted[] {
  return [...new Map(statements.map((statement) => [candidateKey(statement.candidate), statement])).values()];
}

function isSame(one: Accepted['signer'], other: Accepted['signer']): boolean {
  if (one.kind === 'key' || other.kind === 'key') return one.kind === other.kind && one.keyId === other.keyId;
  return one.issuer === other.issuer && one.subject === other.subject;
}
