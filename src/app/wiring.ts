import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REASONS, RESULTS, WORKLOAD_STATES } from '../api/reasons.ts';
import type { WorkloadKind } from '../api/workload-kinds.ts';
import { systemClock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { connect } from '../kube/connect.ts';
import { loadKubeConfig } from '../kube/kubeconfig.ts';
import { createRegistryClient } from '../registry/client.ts';
import { anonymousKeychain, dockerConfigKeychain } from '../registry/keychain.ts';
import { type Keychain, REQUEST_KINDS } from '../registry/types.ts';
import { type Component, createManager, type Manager } from '../runtime/manager.ts';
import { checkRoute, createEndpoint, type Endpoint } from '../runtime/servers.ts';
import { PRIORITIES } from '../runtime/work-queue.ts';
import { createLog, type Log } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { OVERRUNS } from '../verification/worker/worker-judge.ts';
import { createControllers, type Ground } from './controllers.ts';
import { cacheLabels, createFleet } from './fleet.ts';
import { createJudging } from './judging.ts';
import { readWorkloadKinds } from './kinds-file.ts';
import { type Options, UsageError } from './options.ts';
import { createOperatorTrust, readTrustFiles } from './trust.ts';
import { VERSION } from './version.ts';

const clock = systemClock;
const USER_AGENT = `assay/${VERSION}`;

/**
 * Runs the operator until `signal` aborts; the only place that constructs. Rejects with one sentence when it cannot start
 * or go on; a file that an option names is read before anything is contacted.
 */
export async function runOperator(options: Options, signal: AbortSignal): Promise<void> {
  const log = createLog({ level: options.logLevel, format: options.logFormat, clock, stream: process.stderr });
  const trustFiles = readTrustFiles(options.trust);
  const operators = readDockerConfig(options, log);
  const kinds = readWorkloadKinds(options.workloadKinds);
  const access = loadKubeConfig(options.cluster);
  const metrics = createMetrics(vocabulary(access.server, kinds), { version: VERSION, node: process.version });
  const credentials = { onError: (error: Error) => log.warn('credentials could not be read again, the last ones go on being used', { error }) };
  const { client } = connect({ ...options.cluster, clock, userAgent: USER_AGENT, hooks: metrics.transport, credentials }, access);
  const registry = createRegistryClient({
    hosts: { allowHttp: options.allowHttpRegistry },
    proxy: options.proxy,
    userAgent: USER_AGENT,
    clock,
    onRequest: ({ kind, code }) => metrics.registryRequest(kind, code),
  });
  for (const name of options.unknownVariables) log.warn('an environment variable is not known and has no effect', { name });
  log.info('starting', { version: VERSION, server: access.server.href, source: access.source });
  try {
    const judging = createJudging({ options, clock, log, metrics });
    const trust = await createOperatorTrust({ files: trustFiles, clock, log, observer: metrics.trust, describe: (source) => judging.describeTrust(source, signal) });
    await assemble({ options, clock, log, metrics, client, registry, trust, judging, operators, kinds }).run(signal);
  } finally {
    await Promise.all([client.close(), registry.close()]);
  }
}

function vocabulary(server: URL, kinds: readonly WorkloadKind[]): Parameters<typeof createMetrics>[0] {
  return {
    results: RESULTS,
    reasons: REASONS,
    workloadStates: WORKLOAD_STATES,
    requestKinds: REQUEST_KINDS,
    priorities: PRIORITIES,
    overruns: OVERRUNS,
    resources: cacheLabels(kinds),
    apiServer: server.host,
  };
}

function readDockerConfig({ dockerConfig }: Options, log: Log): Keychain {
  if (dockerConfig === undefined) return anonymousKeychain;
  const file = join(dockerConfig, 'config.json');
  try {
    const { keychain, notes } = dockerConfigKeychain(readFileSync(file), 'config.json', file);
    for (const note of notes) log.warn('part of the docker config is not used', { note });
    return keychain;
  } catch (error) {
    throw new UsageError(`--docker-config: ${file} cannot be used: ${messageOf(error)}`, { cause: error });
  }
}

function assemble(ground: Ground): Manager {
  const { options, log } = ground;
  const { fleet, karmada, sources } = createFleet(ground);
  const manager: Manager = createManager({
    servers: createServers(ground, () => manager.notReady()),
    sources,
    controllers: createControllers(ground, fleet, karmada),
    log,
    clock,
    grace: options.shutdownGracePeriod,
  });
  return manager;
}

function createServers({ options, metrics, log }: Ground, notReady: () => string | undefined): Component[] {
  const { metricsBindAddress, healthProbeBindAddress } = options;
  const endpoints = [
    ...(metricsBindAddress === undefined ? [] : [createEndpoint({
      name: 'metrics',
      bind: metricsBindAddress,
      flag: '--metrics-bind-address',
      clock,
      routes: { '/metrics': async () => ({ status: 200, ...(await metrics.exposition()) }) },
    })]),
    ...(healthProbeBindAddress === undefined ? [] : [createEndpoint({
      name: 'probes',
      bind: healthProbeBindAddress,
      flag: '--health-probe-bind-address',
      clock,
      // Live is whoever answers: being without an API server is no reason to be killed.
      routes: { '/healthz': checkRoute({ ping: () => undefined }), '/readyz': checkRoute({ caches: notReady }) },
    })]),
  ];
  return endpoints.map((endpoint) => announced(endpoint, log));
}

/** With port 0 nobody knows the address but the server itself. */
function announced(endpoint: Endpoint, log: Log): Component {
  return {
    name: endpoint.name,
    start: async (signal) => {
      await endpoint.start(signal);
      const address = endpoint.address();
      log.info('listening', { endpoint: endpoint.name, address: `${address?.host}:${address?.port}` });
    },
    stop: (grace) => endpoint.stop(grace),
  };
}
