import { propagationRules, skippedBecause } from '../../karmada/propagation-rules.ts';
import { counted, sayer } from './findings.ts';
import type { Facts, Finding, GroupFacts, Seen, SkippedFacts } from './types.ts';

const KARMADA_TOO_OLD = 'upgrade to Karmada 1.13 or newer';

/** Whether Karmada's groups are served, at versions that have what is needed. */
export function checkKarmada({ karmada, definitions }: Facts): readonly Finding[] {
  const say = sayer('karmada');
  if (karmada === undefined) return definitions === undefined ? [] : [say('ok', "this is a plain cluster: none of Karmada's groups is served")];
  if (!karmada.seen) return [say('unseen', `Karmada was not looked at: ${karmada.why}`, 'kubectl get --raw /apis | jq -r .groups[].name')];
  const { groups, lacks } = karmada.value;
  const findings = groups.flatMap(groupFinding);
  if (!lacks.seen) findings.push(say('unseen', `which features this Karmada has was not seen: ${lacks.why}`, 'kubectl explain resourcebinding.spec.suspension'));
  else if (lacks.value.length > 0) findings.push(say('problem', `this Karmada is older than 1.13: it has no ${lacks.value.join(', no ')}`, KARMADA_TOO_OLD));
  return findings.length > 0 ? findings : [say('ok', "Karmada's groups are served, and have what is needed")];
}

function groupFinding({ group, state, why = '' }: GroupFacts): readonly Finding[] {
  const say = sayer('karmada');
  if (state === 'served') return [];
  if (state === 'absent') return [say('problem', `${group} is not installed, though other groups of Karmada are`, `install what is missing (karmadactl init, or its Helm chart); ${KARMADA_TOO_OLD}`)];
  if (state === 'unreadable') return [say('unseen', `whether ${group} is served was not seen: ${why}`, `kubectl get --raw /apis/${group}`)];
  const server = group.startsWith('cluster.') ? 'karmada-aggregated-apiserver' : 'karmada-apiserver';
  return [say('problem', `${group} is not served at the moment: ${why}`, `an outage, not an absence: look at ${server} in the host cluster (kubectl --kubeconfig HOST -n karmada-system get pods), and at kubectl get apiservices`)];
}

const GROUP = 'assay.dev';

/** Whether Karmada leaves our own objects alone. */
export function checkPropagation({ karmada, policies, settings }: Facts): readonly Finding[] {
  const say = sayer('propagation');
  if (karmada?.seen !== true) return [];
  const { skipped } = karmada.value;
  const claimed = policies?.seen === true ? policies.value.items.filter(({ propagated }) => propagated).map(({ id }) => id) : [];
  const remedy = `add --skipped-propagating-apis=${GROUP} to karmada-controller-manager in the host cluster (several are separated by ;)`;
  return [
    ...(claimed.length === 0 ? [] : [say('problem', `Karmada propagates ${counted(claimed.length, 'policy', 'policies')} of Assay to members`, `have no propagation policy select kinds of ${GROUP}, and ${remedy}`, claimed)]),
    skippedFinding(skipped, remedy, settings.karmadaNamespace),
  ];
}

function skippedFinding(skipped: Seen<SkippedFacts>, remedy: string, namespace: string): Finding {
  const say = sayer('propagation');
  if (!skipped.seen) {
    const command = `kubectl --kubeconfig HOST -n ${namespace} get deploy karmada-controller-manager -o yaml | grep skipped-propagating-apis`;
    return say('unseen', `whether Karmada leaves ${GROUP} alone cannot be seen by its API: ${skipped.why}`, `--host-kubeconfig has it looked at, or: ${command}\nWithout a line that has ${GROUP}: ${remedy}`);
  }
  if (skipsGroup(skipped.value.value ?? '')) return say('ok', `karmada-controller-manager leaves ${GROUP} alone`);
  return say('problem', `karmada-controller-manager follows all objects of ${GROUP} as if they were templates`, remedy);
}

/** Whether a value of `--skipped-propagating-apis` covers both of our kinds. Pure. */
export function skipsGroup(value: string): boolean {
  const rules = propagationRules(value);
  return ['ImageVerification', 'ClusterImageVerification'].every((kind) => skippedBecause({ apiVersion: `${GROUP}/v1alpha1`, kind, namespace: '', name: '' }, rules) === 'ApiSkipped');
}

/** What a policy that waits for the next change of its templates means for pins. */
export function checkLazy({ karmada }: Facts): readonly Finding[] {
  const say = sayer('lazy');
  if (karmada?.seen !== true) return [];
  const { lazy } = karmada.value;
  if (!lazy.seen) return [say('unseen', `propagation policies could not be read: ${lazy.why}`, 'kubectl get pp,cpp -A')];
  const { items } = lazy.value;
  if (items.length === 0) return [say('ok', 'no propagation policy is Lazy')];
  return [say('warning', `${counted(items.length, 'propagation policy is', 'propagation policies are')} Lazy: a pin counts as a change of the template, and makes what was changed in the policy take effect`, 'expect that, or set activationPreference to nothing', items)];
}

/** Pull secrets that only members have. */
export function checkPullSecrets({ karmada }: Facts): readonly Finding[] {
  const say = sayer('pull-secrets');
  if (karmada?.seen !== true) return [];
  const { missingSecrets } = karmada.value;
  if (!missingSecrets.seen) return [say('unseen', `whether the pull secrets of templates are there was not seen: ${missingSecrets.why}`, 'kubectl get secrets -A --field-selector type=kubernetes.io/dockerconfigjson')];
  const { value } = missingSecrets;
  if (value.length === 0) return [say('ok', 'the pull secrets that templates name are there')];
  return [say('warning', `${counted(value.length, 'pull secret')} that templates name ${value.length === 1 ? 'is' : 'are'} not on the control plane: private images of these templates cannot be judged`, 'make the Secret there too, in the same namespace; or give the operator credentials with --docker-config, for a ClusterImageVerification', value)];
}

/** Kinds whose images nobody sees here. */
export function checkHidden({ karmada }: Facts): readonly Finding[] {
  const say = sayer('hidden-images');
  if (karmada?.seen !== true) return [];
  const { hidden } = karmada.value;
  if (!hidden.seen) return [say('unseen', `whether there are objects that hide their images was not seen: ${hidden.why}`, 'kubectl get helmreleases,kustomizations,applications -A')];
  if (hidden.value.length === 0) return [say('ok', 'no HelmRelease, Kustomization or Application hides images')];
  const all = hidden.value.map(({ kind, count }) => counted(count, kind));
  return [say('warning', `${all.join(', ')}: what they deploy in members is not in the object, and not verified`, 'verify in the members, or have the manifests rendered before they reach the control plane')];
}
