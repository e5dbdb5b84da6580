import { messageOf } from '../base/errors.ts';
import { parseBindAddress } from '../runtime/bind-address.ts';
import type { BindAddress } from '../runtime/bind-address.ts';
import { LOG_FORMATS, LOG_LEVELS } from '../telemetry/log-settings.ts';
import { flag } from './flag.ts';
import { JUDGING_FLAGS } from './judging-flags.ts';
import { TRUST_FLAGS } from './trust-flags.ts';
import { BadValue, readChoice, readCount, readDuration, readHosts, readNamespace, readNamespaces, readText } from './values.ts';

/** Namespaces that are left alone unless other ones are named; the operator's own comes on top. */
export const EXCLUDED_NAMESPACES = ['kube-system', 'kube-public', 'kube-node-lease', 'karmada-*'] as const;
/** Where the operator takes itself to be when nothing tells it. */
export const OPERATOR_NAMESPACE = 'assay-system';

const TIMEOUT = { min: 1000, max: 3_600_000 };
const GRACE = { min: 0, max: 600_000 };
const WORKERS = { min: 1, max: 256 };

/** Wrapped, because "turned off" is a value too. */
interface Address {
  readonly bind: BindAddress | undefined;
}

function readAddress(text: string): Address {
  try {
    return { bind: parseBindAddress(text) };
  } catch (error) {
    throw new BadValue(messageOf(error));
  }
}

/** Every option of `assay run`, in the order of its help; on the command line in kebab-case. */
export const RUN_FLAGS = {
  kubeconfig: flag({
    value: 'FILE',
    help: 'kubeconfig of the API server to work on',
    defaultText: "$KUBECONFIG, else the pod's service account",
    read: readText,
  }),
  context: flag({
    value: 'NAME',
    help: 'context of the kubeconfig',
    defaultText: 'its current context',
    read: readText,
  }),
  namespace: flag({
    value: 'NAME',
    help: 'govern workloads of this namespace only',
    defaultText: 'all',
    read: readNamespace,
  }),
  operatorNamespace: flag({
    value: 'NAME',
    help: 'namespace of the Secrets and ConfigMaps that a ClusterImageVerification refers to',
    defaultText: `the pod's own, else ${OPERATOR_NAMESPACE}`,
    read: readNamespace,
  }),
  excludedNamespaces: flag({
    value: 'NAMES',
    help: 'namespaces that are not governed, comma-separated; x-* is all that begin with x-',
    defaultText: `${EXCLUDED_NAMESPACES.join(',')} and the operator's own`,
    read: readNamespaces,
  }),
  workloadKinds: flag({
    value: 'FILE',
    help: 'YAML with further kinds of workloads and the paths of their images (docs/reference/kinds.md)',
    defaultText: 'the shipped kinds alone',
    read: readText,
  }),
  metricsBindAddress: flag({
    value: 'ADDRESS',
    help: 'host:port or :port of /metrics; 0 turns it off',
    default: ':8080',
    read: readAddress,
  }),
  healthProbeBindAddress: flag({
    value: 'ADDRESS',
    help: 'host:port or :port of /healthz and /readyz; 0 turns it off',
    default: ':8081',
    read: readAddress,
  }),
  workers: flag({
    value: 'COUNT',
    help: `objects that each controller works on at the same time, ${WORKERS.min} to ${WORKERS.max}`,
    default: '8',
    read: (text) => readCount(text, WORKERS),
  }),
  trustedRoot: flag({
    value: 'FILE',
    help: 'trusted_root.json of the Sigstore instance to trust',
    defaultText: 'the public-good instance, refreshed by TUF',
    read: readText,
  }),
  ...TRUST_FLAGS,
  dockerConfig: flag({
    value: 'DIR',
    help: "folder of a docker config.json with the operator's own registry credentials, for ClusterImageVerification",
    defaultText: 'none',
    read: readText,
  }),
  allowHttpRegistry: flag({
    value: 'HOSTS',
    help: 'registries that are spoken to in plain HTTP, host or host:port, comma-separated',
    defaultText: 'none',
    read: readHosts,
  }),
  ...JUDGING_FLAGS,
  reconcileTimeout: flag({
    value: 'DURATION',
    help: 'how long the work on one object may take before it is aborted and tried again',
    default: '2m',
    read: (text) => readDuration(text, TIMEOUT),
  }),
  shutdownGracePeriod: flag({
    value: 'DURATION',
    help: 'how long work under way may go on after SIGTERM',
    default: '20s',
    read: (text) => readDuration(text, GRACE),
  }),
  logLevel: flag({
    value: 'LEVEL',
    help: LOG_LEVELS.join(', '),
    default: 'info',
    read: (text) => readChoice(text, LOG_LEVELS),
  }),
  logFormat: flag({
    value: 'FORMAT',
    help: LOG_FORMATS.join(', '),
    default: 'json',
    read: (text) => readChoice(text, LOG_FORMATS),
  }),
};

export type RunFlag = keyof typeof RUN_FLAGS;
/** What was read, by flag; absent where neither given nor defaulted. */
export type RunValues = { readonly [Name in RunFlag]?: ReturnType<(typeof RUN_FLAGS)[Name]['read']> };

/** `metricsBindAddress` → `--metrics-bind-address`. */
export function optionOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `metricsBindAddress` → `ASSAY_METRICS_BIND_ADDRESS`. */
export function variableOf(name: string): string {
  return `ASSAY_${optionOf(name).slice(2).replaceAll('-', '_').toUpperCase()}`;
}
