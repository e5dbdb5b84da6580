import { counted, type Say, sayer } from './findings.ts';
import type { CheckName, Facts, Finding, Outcome, PolicyFacts, RegistryFacts } from './types.ts';

/** Whether there are policies, each is Ready, and somebody acts on it. */
export function checkPolicies({ policies, definitions }: Facts): readonly Finding[] {
  const say = sayer('policies');
  // Without definitions there can be none, and that is told already.
  const undefinedYet = definitions?.seen === true && definitions.value.some(({ state }) => state === 'absent');
  if (policies === undefined || undefinedYet) return [];
  if (!policies.seen) return [say('unseen', `policies could not be read: ${policies.why}`, 'kubectl get iv,civ -A')];
  const { items, more } = policies.value;
  if (items.length === 0) return [say('warning', 'there is no policy: nothing is verified', 'config/samples has some to start from; docs/install.md, "A first policy"')];
  const unheeded = items.filter(isUnheeded);
  const refused = items.filter((policy) => !isUnheeded(policy) && !policy.suspended && policy.ready?.status !== 'True');
  const suspended = items.filter(({ suspended: is }) => is);
  return [
    ...unheededFinding(unheeded, items.length),
    ...refused.slice(0, MAX_TOLD).map(({ id, ready }) => say('problem', `${id} is not Ready: ${ready?.reason ?? 'Unknown'}: ${ready?.message ?? 'nothing is said of it'}`, todoOf(ready?.reason))),
    ...restOf('policies', 'problem', refused, 'are not Ready'),
    ...(suspended.length === 0 ? [] : [say('warning', `${counted(suspended.length, 'policy is suspended', 'policies are suspended')}: nothing is verified under ${suspended.length === 1 ? 'it' : 'them'}`, 'set spec.suspend to false when that is over', ids(suspended))]),
    ...(more ? [say('unseen', `only ${items.length} policies were looked at`, 'kubectl get iv,civ -A')] : []),
    ...(unheeded.length + refused.length === 0 ? [say('ok', counted(items.length, 'policy, which is Ready', 'policies, all of them Ready'))] : []),
  ];
}

const MAX_TOLD = 10;
const TODO: Readonly<Record<string, string>> = {
  PolicyInvalid: 'correct the field that is named; docs/reference/api.md has them all',
  ReferenceMissing: 'make the Secret or ConfigMap that is named, in the namespace of the policy (the operator\'s for a ClusterImageVerification)',
  TrustRootUnavailable: 'assay_trust_root_refreshes_total and the log of the operator say why the TUF repository cannot be asked',
};

function todoOf(reason = ''): string {
  return Object.hasOwn(TODO, reason) ? (TODO[reason] ?? '') : 'docs/reference/reasons.md says what each reason means';
}

const ids = (policies: readonly PolicyFacts[]): readonly string[] => policies.map(({ id }) => id);

function isUnheeded({ generation, observedGeneration = 0 }: PolicyFacts): boolean {
  return observedGeneration < generation;
}

function unheededFinding(unheeded: readonly PolicyFacts[], all: number): readonly Finding[] {
  if (unheeded.length === 0) return [];
  const what = unheeded.length === all ? 'no operator has acted on any policy as it is now' : `no operator has acted on ${counted(unheeded.length, 'policy', 'policies')} as they are now`;
  return [sayer('policies')('problem', what, 'see whether the operator runs and what it logs; of a policy that was changed this very moment ask again in a few seconds', ids(unheeded))];
}

/** Whether identities are written so that they accept no more than was meant. */
export function checkPatterns({ policies }: Facts): readonly Finding[] {
  const say = sayer('patterns');
  if (policies?.seen !== true) return [];
  const weak = policies.value.items.filter(({ weaknesses }) => weaknesses.length > 0);
  if (weak.length === 0) return [say('ok', 'regular expressions of identities are anchored')];
  return weak.slice(0, MAX_TOLD).map(({ id, weaknesses }) => say('warning', `${id}: ${weaknesses.join('; ')}`, 'write it from ^ to $, so that nobody with a longer or similar name counts as the signer'))
    .concat(restOf('patterns', 'warning', weak, 'have regular expressions like that'));
}

/** What policies were told not to check. */
export function checkExceptions({ policies }: Facts): readonly Finding[] {
  const say = sayer('exceptions');
  if (policies?.seen !== true) return [];
  const lenient = policies.value.items.filter(({ exceptions }) => exceptions.length > 0);
  if (lenient.length === 0) return [say('ok', 'no policy leaves out a check')];
  return lenient.slice(0, MAX_TOLD).map(({ id, exceptions }) => say('warning', `${id}: ${exceptions.join('; ')}`, 'keep it only where that is meant'))
    .concat(restOf('exceptions', 'warning', lenient, 'leave out checks'));
}

function restOf(check: CheckName, result: Outcome, all: readonly PolicyFacts[], what: string): readonly Finding[] {
  return all.length <= MAX_TOLD ? [] : [sayer(check)(result, `${all.length - MAX_TOLD} more policies ${what}`, 'kubectl get iv,civ -A -o wide', ids(all.slice(MAX_TOLD)))];
}

/** Whether registries that policies name answer. */
export function checkRegistries({ registries, settings, policies }: Facts): readonly Finding[] {
  const say = sayer('registries');
  if (!settings.askRegistries) return policies === undefined ? [] : [say('unseen', 'registries were not asked', 'assay doctor --registries asks each that policies name, from here')];
  if (registries === undefined) return [];
  if (!registries.seen) return [say('unseen', `registries could not be asked: ${registries.why}`)];
  if (registries.value.length === 0) return [say('unseen', 'no policy names a registry')];
  return registries.value.map((facts) => registryFinding(say, facts));
}

function registryFinding(say: Say, { host, answer, why = '' }: RegistryFacts): Finding {
  if (answer === 'Answers') return say('ok', `${host} answers`);
  if (answer === 'Unauthorized') return say('ok', `${host} answers, and wants credentials: pull secrets, or --docker-config of the operator`);
  if (answer === 'Throttled') return say('warning', `${host} throttles us`, 'credentials usually raise its limit');
  return say('problem', `${host} cannot be asked: ${why}`, 'check name, proxy (HTTPS_PROXY, NO_PROXY), certificate (NODE_EXTRA_CA_CERTS) and, for plain HTTP, --allow-http-registry, of the operator too');
}
