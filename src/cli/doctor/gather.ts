import type { KubeClient } from '../../kube/client.ts';
import type { KubeConfigOptions } from '../../kube/kubeconfig.ts';
import type { CliContext } from '../context.ts';
import type { DoctorOptions } from '../doctor.ts';
import { accessFacts, callerOf, type Reach, reachOf, serverFacts } from './gather-access.ts';
import { definitionFacts } from './gather-definitions.ts';
import { groupFacts, groupNames, isKarmada, karmadaFacts } from './gather-karmada.ts';
import { operatorFacts, skippedFacts } from './gather-operator.ts';
import { policyFacts } from './gather-policies.ts';
import { registryFacts } from './gather-registries.ts';
import { rightsFacts } from './gather-rights.ts';
import { trustFacts } from './gather-trust.ts';
import { look, lookBy, type Patience } from './look.ts';
import { NEEDED_RIGHTS } from './rights.ts';
import type { Facts, Seen } from './types.ts';

/** Everything that is asked of the API server and of others; nothing is written. Each part has its own time, and one that fails leaves the others. */
export async function gather(options: DoctorOptions, context: CliContext): Promise<Facts> {
  const { clock } = context;
  const { timeout, operatorNamespace, karmadaNamespace } = options;
  const patience: Patience = { clock, timeout };
  const settings = { operatorNamespace, karmadaNamespace, askRegistries: options.registries === true };
  const trust = await look('reading the trust root', patience, () => trustFacts(options.trustedRoot, context));
  const reach = reachOf(placeOf(options, context.env), clock);
  if (!reach.seen) return { now: clock.now(), settings, access: reach, trust };
  const { client, access } = reach.value;
  try {
    const first = { now: clock.now(), settings, trust, access: { seen: true, value: await accessFacts(access, clock, timeout) } as const };
    const server = await serverFacts(reach.value, patience);
    if (!server.reached) return { ...first, server };
    const caller = await look('asking who we are', patience, () => callerOf(client, timeout));
    return { ...first, server, caller, ...(await gatherInside(client, caller, options, context)) };
  } finally {
    leave(client);
  }
}

/** Not waited for: of a server that says nothing it would take seconds. */
function leave(client: KubeClient): void {
  client.close().catch(() => undefined);
}

type Inside = Pick<Facts, 'rights' | 'definitions' | 'policies' | 'operator' | 'registries' | 'karmada'>;

/** What is behind the API server. */
async function gatherInside(client: KubeClient, caller: Seen<string>, options: DoctorOptions, context: CliContext): Promise<Inside> {
  const { timeout, operatorNamespace, karmadaNamespace } = options;
  const patience: Patience = { clock: context.clock, timeout };
  const groups = await look('asking for the groups of Karmada', patience, () => groupFacts(client, timeout));
  const onKarmada = !groups.seen || isKarmada(groups.value);
  const account = options.account ?? `system:serviceaccount:${operatorNamespace}:assay`;
  const served = await look('asking for all groups', patience, () => groupNames(client, timeout));
  const needed = NEEDED_RIGHTS.filter(({ of, group }) => (of === 'karmada' ? onKarmada : of !== 'further' || (served.seen && served.value.has(group))));
  const host = onKarmada ? hostOf(options, context) : undefined;
  const hostClient = (): Seen<KubeClient> => (host === undefined ? { seen: true, value: client } : host.seen ? { seen: true, value: host.value.client } : host);
  try {
    const skipped = onKarmada ? lookBy(hostClient(), (on) => look("reading Karmada's controller manager", patience, () => skippedFacts(on, karmadaNamespace, timeout))) : undefined;
    const [rights, definitions, policies, operator, karmada] = await Promise.all([
      lookBy(caller, (name) => look('asking what the operator may do', patience, () => rightsFacts({ client, account, caller: name, needed, deadline: timeout }))),
      look('reading the definitions', patience, () => definitionFacts(client, timeout)),
      look('reading policies', patience, (signal) => policyFacts(client, signal, timeout)),
      lookBy(hostClient(), (on) => look('looking for the operator', patience, (signal) => operatorFacts(on, operatorNamespace, signal, timeout))),
      skipped === undefined ? undefined : lookBy(groups, async (known) => ({ seen: true, value: await karmadaFacts(client, known, patience, await skipped) } as const)),
    ]);
    const registries = options.registries === true ? await lookBy(policies, ({ items }) => look('asking registries', { ...patience, timeout: 4 * timeout }, () => registryFacts(items, options, context))) : undefined;
    return { rights, definitions, policies, operator, ...(karmada === undefined ? {} : { karmada }), ...(registries === undefined ? {} : { registries }) };
  } finally {
    if (host?.seen === true) leave(host.value.client);
  }
}

/** The cluster that Karmada runs in. */
function hostOf({ hostKubeconfig, hostContext }: DoctorOptions, { clock }: CliContext): Seen<Reach> {
  if (hostKubeconfig === undefined) return { seen: false, why: 'it is in the host cluster, of which no kubeconfig was given' };
  return reachOf({ kubeconfig: hostKubeconfig, ...(hostContext === undefined ? {} : { context: hostContext }) }, clock);
}

/** As kubectl: KUBECONFIG, inside of a pod its service account, else the file in the home directory. */
function placeOf(options: DoctorOptions, env: CliContext['env']): KubeConfigOptions {
  const context = options.context === undefined ? {} : { context: options.context };
  const { KUBECONFIG: variable, KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port, HOME: home } = env;
  const kubeconfig = options.kubeconfig ?? (variable || undefined);
  if (kubeconfig !== undefined) return { kubeconfig, ...context };
  if (host && port) return { inCluster: { host, port } };
  return home ? { kubeconfig: `${home}/.kube/config`, ...context } : context;
}
