import { counted, durationText, dateText, sayer } from './findings.ts';
import { isOptional, rightText, rulesOf } from './rights.ts';
import type { DefinitionFacts, Facts, Finding, RightsFacts } from './types.ts';

const MAX_NAMED = 8;
const DAY = 86_400_000;

/** Whether the definitions are installed, and are those of this build. */
export function checkDefinitions({ definitions, karmada }: Facts): readonly Finding[] {
  const say = sayer('definitions');
  if (definitions === undefined) return [];
  const folder = karmada === undefined ? 'config/crd' : 'config/karmada/control-plane';
  if (!definitions.seen) return [say('unseen', `the definitions could not be read: ${definitions.why}`, 'kubectl get crd imageverifications.assay.dev clusterimageverifications.assay.dev')];
  const findings = definitions.value.flatMap((definition) => definitionFinding(definition, folder));
  return findings.length > 0 ? findings : [say('ok', `${counted(definitions.value.length, 'definition')} installed, of this version`)];
}

function definitionFinding({ name, state, established, same, lacks = [], adds = [] }: DefinitionFacts, folder: string): readonly Finding[] {
  const say = sayer('definitions');
  const apply = `kubectl apply --server-side -k ${folder}`;
  if (state === 'absent') return [say('problem', `${name} is not installed`, apply)];
  if (state === 'unreadable') return [say('unseen', `${name} may not be read by us`, `kubectl get crd ${name}, as somebody who may`)];
  if (established !== true) return [say('problem', `${name} is installed and not served`, `kubectl describe crd ${name} says why`)];
  if (lacks.length > 0) return [say('problem', `${name} is older than this version: it lacks ${named(lacks)}`, apply)];
  if (adds.length > 0) return [say('warning', `${name} is newer than this version: it has ${named(adds)}`, 'run the version of Assay that it belongs to: policies with a field that the operator does not know are refused')];
  if (same !== true) return [say('warning', `${name} is not that of this version: rules, columns or descriptions differ`, apply)];
  return [];
}

/** Whether the operator may do what it needs, and no more than that. */
export function checkRights({ rights, karmada }: Facts): readonly Finding[] {
  const say = sayer('rights');
  if (rights === undefined) return [];
  if (!rights.seen) return [say('unseen', `what the operator may do could not be asked: ${rights.why}`, 'kubectl auth can-i --list --as=ACCOUNT')];
  const { account, asked, askedFor, missing, excess } = rights.value;
  const folder = karmada === undefined ? 'config/rbac' : 'config/karmada/control-plane';
  const whose = asked === 'account' ? '' : ' (asked for ourselves: we may not ask for others; --account names the operator)';
  if (missing.length === askedFor) return [say('problem', `${account} may do nothing of what the operator needs${whose}`, `if the operator is somebody else, name its account with --account; else: kubectl apply -k ${folder}`)];
  const needed = missing.filter((right) => !isOptional(right));
  const optional = missing.filter(isOptional);
  return [
    ...(needed.length === 0 ? [] : [missingFinding(account, needed, folder, whose)]),
    ...(optional.length === 0 ? [] : [optionalFinding(account, optional)]),
    ...(excess.length === 0 ? [] : [excessFinding(rights.value)]),
    ...(missing.length === 0 ? [say('ok', `${account} may do all ${askedFor} things that the operator needs${whose}`)] : []),
  ];
}

function missingFinding(account: string, needed: RightsFacts['missing'], folder: string, whose: string): Finding {
  return sayer('rights')('problem', `${account} may not ${named(needed.map(rightText))}${whose}`, `kubectl apply -k ${folder}, or add to a ClusterRole of it:\n${rulesOf(needed).join('\n')}`);
}

function optionalFinding(account: string, missing: RightsFacts['missing']): Finding {
  return sayer('rights')(
    'warning',
    `${account} may not ${named(missing.map(rightText))} in all namespaces: what needs it (policies that name a Secret or ConfigMap, private images, workloads of that kind) is Unknown or left alone where it is not granted`,
    `if that is not meant, add to a ClusterRole of it:\n${rulesOf(missing).join('\n')}`,
  );
}

function excessFinding({ account, asked, excess }: RightsFacts): Finding {
  const say = sayer('rights');
  const everything = excess.some(({ verb }) => verb === '*');
  const what = everything ? 'everything (cluster-admin, system:masters)' : named(excess.map(rightText));
  if (asked === 'caller') return say('warning', `${account} may do ${everything ? what : `more than the operator needs: ${what}`}`, 'if these are the credentials of the operator, give it those of config/ instead: whoever steals them owns the cluster');
  return say('warning', `${account} may do ${everything ? what : `more than it needs: ${what}`}`, 'find the binding and remove it: kubectl get clusterrolebindings,rolebindings -A -o wide | grep assay');
}

/** Whether an operator is there and runs. */
export function checkOperator({ operator, karmada, settings }: Facts): readonly Finding[] {
  const say = sayer('operator');
  const { operatorNamespace: namespace } = settings;
  if (operator === undefined) return [];
  const where = karmada === undefined ? '' : ' --kubeconfig HOST';
  if (!operator.seen) return [say('unseen', `whether the operator runs was not seen: ${operator.why}`, `kubectl${where} -n ${namespace} get deploy,pods -l app.kubernetes.io/name=assay`)];
  if (operator.value.length === 0) {
    return [say('warning', `there is no Deployment of the operator in ${namespace}`, `--operator-namespace names another; to install it: kubectl apply -k config/${karmada === undefined ? 'default' : 'karmada/host'}`)];
  }
  return operator.value.map(({ id, wanted, available, image }) => {
    if (wanted === 0) return say('problem', `${id} is scaled to 0: nobody verifies anything`, `kubectl${where} -n ${namespace} scale deploy/assay --replicas=1`);
    if (available === 0) return say('problem', `${id} is not available (${image})`, `kubectl${where} -n ${namespace} describe pods -l app.kubernetes.io/name=assay; kubectl${where} -n ${namespace} logs deploy/assay`);
    if (wanted > 1) return say('problem', `${id} has ${wanted} replicas: there is no leader election, all of them write`, `kubectl${where} -n ${namespace} scale deploy/assay --replicas=1`);
    return say('ok', `${id} runs ${image}`);
  });
}

/** Whether the trust root can be used, and for how long. */
export function checkTrust({ trust, now }: Facts): readonly Finding[] {
  const say = sayer('trust');
  if (!trust.seen) return [say('problem', `the trust root cannot be used: ${trust.why}`, 'give another with --trusted-root; cosign trusted-root create makes one')];
  const { origin, refreshedAt, expires, authorities, currentAuthorities, lastEnd } = trust.value;
  if (currentAuthorities === 0) return [say('problem', `none of the ${counted(authorities, 'certificate authority', 'certificate authorities')} of the trust root (${origin}) issues today`, 'refresh it: assay trust refresh')];
  if (expires !== undefined && expires <= now) return [say('warning', `nobody has vouched for the trust root (${origin}) since ${dateText(expires)}`, 'assay trust refresh says why the TUF repository cannot be asked')];
  if (lastEnd !== undefined && lastEnd - now < 30 * DAY) return [say('warning', `the last certificate authority of the trust root (${origin}) ends in ${durationText(lastEnd - now)}`, 'refresh it: assay trust refresh')];
  const age = refreshedAt === undefined ? '' : `, ${durationText(now - refreshedAt)} old`;
  return [say('ok', `trust root: ${origin}${age}, ${counted(currentAuthorities, 'certificate authority', 'certificate authorities')} that ${currentAuthorities === 1 ? 'issues' : 'issue'} today`)];
}

function named(all: readonly string[]): string {
  const some = all.slice(0, MAX_NAMED).join(', ');
  return all.length > MAX_NAMED ? `${some} and ${all.length - MAX_NAMED} more` : some;
}
