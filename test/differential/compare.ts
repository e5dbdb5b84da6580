import { COSIGN, OPERATOR } from '../../src/signatures/profile.ts';
import type { Profile } from '../../src/signatures/types.ts';
import { askStock, askUs, type Answer, type Question } from './question.ts';
import { explain, sameSigner } from './rules.ts';
import { strictnessOf } from './stricter.ts';

/** What became of one question for one profile. Anything in `broken` is a bug of ours, or a rule that is not on a list. */
export interface Verdict {
  readonly profile: Profile['name'];
  readonly kind: 'both accept' | 'both refuse' | 'we alone accept' | 'we alone refuse';
  /** Why we differ; empty where we agree. */
  readonly rules: readonly string[];
  readonly broken?: string;
}

export const PROFILES: readonly Profile[] = [OPERATOR, COSIGN];

/** Puts the question to the stock library and, for both profiles, to us. */
export function compare(question: Question): readonly Verdict[] {
  const theirs = askStock(question);
  return PROFILES.map((profile) => judge(question, profile, theirs));
}

function judge(question: Question, { name: profile, ...rest }: Profile, theirs: Answer): Verdict {
  const ours = askUs(question, { name: profile, ...rest });
  if (ours.accepted && theirs.accepted) {
    if (profile === 'cosign' && !sameSigner(ours, theirs) && isAmbiguous(question)) return { profile, kind: 'both accept', rules: [AMBIGUOUS] };
    const same = sameSigner(ours, theirs);
    return { profile, kind: 'both accept', rules: [], ...(same ? {} : { broken: `we name ${ours.subject} of ${ours.issuer}, it names ${theirs.subject} of ${theirs.issuer}` }) };
  }
  if (!ours.accepted) {
    const broken = ours.foreign ? { broken: `not an error of ours: ${ours.code}: ${ours.text}` } : {};
    if (!theirs.accepted) return { profile, kind: 'both refuse', rules: [], ...broken };
    const rule = strictnessOf(ours.text, profile);
    return { profile, kind: 'we alone refuse', rules: rule === undefined ? [] : [rule], ...(rule === undefined ? { broken: `refused for no reason on the list: ${ours.code}: ${ours.text}` } : broken) };
  }
  const rules = explain(question, profile, ours);
  const broken = rules === undefined && !theirs.accepted ? { broken: `accepted by no rule on the list; it says ${theirs.code}: ${theirs.text}` } : {};
  return { profile, kind: 'we alone accept', rules: rules ?? [], ...broken };
}

/** The one difference in what an accepted signature is said to be by; cosign prints the first issuer of a legacy certificate (OID .1), the library the second. */
const AMBIGUOUS = 'of several names the command line takes the one that cosign takes, and the operator refuses the certificate';

function isAmbiguous(question: Question): boolean {
  const strict = askUs(question, OPERATOR);
  return !strict.accepted && /^the certificate names (?:\d+ subjects|two different issuers)/.test(strict.text);
}

/** How often each of the verdicts was given, and for which rules. */
export class Tally {
  readonly kinds = new Map<string, number>();
  readonly rules = new Map<string, number>();

  add({ profile, kind, rules }: Verdict): void {
    count(this.kinds, `${profile}: ${kind}`);
    for (const rule of rules) count(this.rules, `${kind}, ${profile}: ${rule}`);
  }

  /** One line for each, the most frequent first. */
  lines(): readonly string[] {
    return [this.kinds, this.rules].flatMap((counts) => [...counts].toSorted(([, one], [, other]) => other - one).map(([what, times]) => `${String(times).padStart(6)}  ${what}`));
  }
}

function count(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}
