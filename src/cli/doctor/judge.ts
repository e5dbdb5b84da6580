import { checkDefinitions, checkOperator, checkRights, checkTrust } from './check-installation.ts';
import { checkHidden, checkKarmada, checkLazy, checkPropagation, checkPullSecrets } from './check-karmada.ts';
import { checkOverrides } from './check-overrides.ts';
import { checkExceptions, checkPatterns, checkPolicies, checkRegistries } from './check-policies.ts';
import { checkClock, checkConfiguration, checkCredentials, checkRest, checkServer, checkVersion } from './check-server.ts';
import type { Facts, Finding, Outcome } from './types.ts';

/** All checks, in the order in which they are told: what is first is what the rest depends on. */
const JUDGES: readonly ((facts: Facts) => readonly Finding[])[] = [
  checkConfiguration,
  checkServer,
  checkCredentials,
  checkClock,
  checkVersion,
  checkRest,
  checkDefinitions,
  checkRights,
  checkOperator,
  checkPolicies,
  checkPatterns,
  checkExceptions,
  checkTrust,
  checkRegistries,
  checkKarmada,
  checkPropagation,
  checkOverrides,
  checkLazy,
  checkPullSecrets,
  checkHidden,
];

/** What is to be said of these facts. Pure. */
export function judge(facts: Facts): readonly Finding[] {
  return JUDGES.flatMap((check) => check(facts));
}

/** How many findings have each outcome. */
export function summaryOf(findings: readonly Finding[]): Readonly<Record<Outcome, number>> {
  const count = (result: Outcome): number => findings.filter((finding) => finding.result === result).length;
  return { problem: count('problem'), warning: count('warning'), unseen: count('unseen'), ok: count('ok') };
}
