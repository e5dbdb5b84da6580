import { readFileSync } from 'node:fs';
import type { KubeConfigOptions } from '../kube/kubeconfig.ts';
import type { BindAddress } from '../runtime/bind-address.ts';
import type { EngineLimits } from '../verification/limits.ts';
import { DEFAULT_LIMITS } from '../verification/limits.ts';
import type { LogFormat, LogLevel } from '../telemetry/log-settings.ts';
import { EXCLUDED_NAMESPACES, OPERATOR_NAMESPACE, optionOf, RUN_FLAGS, variableOf } from './run-flags.ts';
import type { Flag } from './flag.ts';
import type { RunValues } from './run-flags.ts';
import { proxyOf, type ProxyVariables } from '../trust/environment.ts';
import { type TrustOptions, trustOptionsOf, type TrustValues } from './trust-options.ts';
import { BadValue } from './values.ts';

/** Environment variables as a value; nobody else reads `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What `assay run` was asked to do; frozen, all defaults filled in. Times in milliseconds. */
export interface Options {
  /** Which API server, and as whom. */
  readonly cluster: KubeConfigOptions;
  /** The only namespace that is governed; absent: all. */
  readonly namespace?: string;
  /** Where the operator's own Secrets and ConfigMaps are. */
  readonly operatorNamespace: string;
  /** Names of namespaces that are not governed; one that ends with `*` means all that begin so. */
  readonly excludedNamespaces: readonly string[];
  /** File with further kinds of workloads. */
  readonly workloadKinds?: string;
  /** Absent: turned off. */
  readonly metricsBindAddress?: BindAddress;
  /** Absent: turned off. */
  readonly healthProbeBindAddress?: BindAddress;
  /** Objects that each controller works on at the same time. */
  readonly workers: number;
  /** Where the operator's own trust root comes from: a file, or the public-good instance of Sigstore unless told otherwise. */
  readonly trust: TrustOptions;
  /** `HTTPS_PROXY` and its like, by which registries are asked. */
  readonly proxy: ProxyVariables;
  /** Folder with a docker `config.json`, for the operator's own registry credentials. */
  readonly dockerConfig?: string;
  /** `host` or `host:port` of registries that are spoken to in plain HTTP, in lower case. */
  readonly allowHttpRegistry: readonly string[];
  /** Threads that judge; absent: as many as the machine makes worth while. */
  readonly judgementWorkers?: number;
  /** Bytes of the JavaScript heap of each of them. */
  readonly judgementMemory: number;
  /** What judging one image may take. */
  readonly limits: EngineLimits;
  readonly reconcileTimeout: number;
  readonly shutdownGracePeriod: number;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** `ASSAY_…` variables that mean nothing here: to be warned of, because they may be misspelt. */
  readonly unknownVariables: readonly string[];
}

/** Thrown for an option that is unknown or has a bad value: one sentence, exit code 2, before anything is contacted. */
export class UsageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UsageError';
  }
}

/** The environment of this process, frozen. */
export function environment(): Environment {
  return Object.freeze({ ...process.env });
}

/**
 * The options of `assay run`: what stands on the command line (`given`, by camel-case name) wins over `ASSAY_…`
 * variables, these over defaults. Throws {@link UsageError}.
 */
export function readOptions(given: Readonly<Record<string, unknown>>, env: Environment, readFile = podNamespace): Options {
  const values = readValues(given, env);
  const operatorNamespace = values.operatorNamespace ?? presentText(env['POD_NAMESPACE']) ?? readFile() ?? OPERATOR_NAMESPACE;
  return freeze({
    cluster: clusterOf(values, env),
    namespace: values.namespace,
    operatorNamespace,
    excludedNamespaces: values.excludedNamespaces ?? [...EXCLUDED_NAMESPACES, operatorNamespace],
    workloadKinds: values.workloadKinds,
    metricsBindAddress: values.metricsBindAddress?.bind,
    healthProbeBindAddress: values.healthProbeBindAddress?.bind,
    workers: values.workers,
    trust: trustOf(values, env),
    proxy: proxyOf(env),
    dockerConfig: values.dockerConfig,
    allowHttpRegistry: values.allowHttpRegistry ?? [],
    judgementWorkers: values.judgementWorkers,
    judgementMemory: values.judgementMemory,
    limits: limitsOf(values),
    reconcileTimeout: values.reconcileTimeout,
    shutdownGracePeriod: values.shutdownGracePeriod,
    logLevel: values.logLevel,
    logFormat: values.logFormat,
    unknownVariables: unknownVariables(env),
  });
}

/** Without the members that are undefined: an option that is off is not there. */
function freeze(members: { readonly [Name in keyof Options]: Options[Name] | undefined }): Options {
  const present = Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
  return Object.freeze(present) as unknown as Options;
}

/** An empty variable is an unset one: manifests cannot always leave it out. */
function presentText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

type Values = RunValues & Required<Pick<RunValues, WithDefaults>>;
type WithDefaults =
  | 'workers'
  | 'judgementMemory'
  | 'judgementTimeout'
  | 'lookupTimeout'
  | 'maxSignatures'
  | 'maxBundleSize'
  | 'maxAttestationSize'
  | 'reconcileTimeout'
  | 'shutdownGracePeriod'
  | 'logLevel'
  | 'logFormat';

function readValues(given: Readonly<Record<string, unknown>>, env: Environment): Values {
  const values: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries<Flag<unknown>>(RUN_FLAGS)) {
    const onCommandLine = typeof given[name] === 'string' ? given[name] : undefined;
    const text = onCommandLine ?? presentText(env[variableOf(name)]) ?? flag.default;
    if (text === undefined) continue;
    try {
      values[name] = flag.read(text);
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      const where = onCommandLine === undefined ? variableOf(name) : optionOf(name);
      throw new UsageError(`${where}: ${error.message}`, { cause: error });
    }
  }
  return values as Values;
}

function trustOf(values: TrustValues, env: Environment): TrustOptions {
  try {
    return trustOptionsOf(values, env);
  } catch (error) {
    if (error instanceof BadValue) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

/** Each place of a digest may hold half of all that is read of it, so that the largest must fit into that. */
function limitsOf({ maxSignatures, maxBundleSize, maxAttestationSize, judgementTimeout, lookupTimeout }: Values): EngineLimits {
  const { digestBytes, attestationBytes } = DEFAULT_LIMITS;
  return Object.freeze({
    ...DEFAULT_LIMITS,
    signatures: maxSignatures,
    payload: maxBundleSize,
    attestation: maxAttestationSize,
    digestBytes: Math.max(digestBytes, 2 * maxBundleSize),
    attestationBytes: Math.max(attestationBytes, 2 * maxAttestationSize),
    judgement: judgementTimeout,
    lookup: lookupTimeout,
  });
}

function clusterOf({ kubeconfig, context }: RunValues, env: Environment): KubeConfigOptions {
  const file = kubeconfig ?? presentText(env['KUBECONFIG']);
  const host = presentText(env['KUBERNETES_SERVICE_HOST']);
  const port = presentText(env['KUBERNETES_SERVICE_PORT']);
  if (context !== undefined && file === undefined) {
    throw new UsageError('--context: it needs a kubeconfig; give one with --kubeconfig or $KUBECONFIG');
  }
  return {
    ...(file === undefined ? {} : { kubeconfig: file }),
    ...(context === undefined ? {} : { context }),
    ...(host === undefined || port === undefined ? {} : { inCluster: { host, port } }),
  };
}

const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

function podNamespace(): string | undefined {
  try {
    return presentText(readFileSync(NAMESPACE_FILE, 'utf8').trim());
  } catch {
    // Not in a pod, or one without a service account.
    return undefined;
  }
}

/** What the kubelet sets for Services called assay or assay-…, wanted or not (`enableServiceLinks`). */
const SERVICE_LINK = /_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/;

function unknownVariables(env: Environment): readonly string[] {
  const known = new Set(Object.keys(RUN_FLAGS).map(variableOf));
  return Object.keys(env).filter((name) => name.startsWith('ASSAY_') && !known.has(name) && !SERVICE_LINK.test(name));
}
