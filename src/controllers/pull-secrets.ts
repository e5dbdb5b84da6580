import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { Lru } from '../base/lru.ts';
import { SingleFlight } from '../base/single-flight.ts';
import { isForbidden, isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import type { KubeObject, Resource } from '../kube/object.ts';
import { anonymousKeychain, dockerConfigKeychain, mergeKeychains } from '../registry/keychain.ts';
import type { Keychain } from '../registry/types.ts';
import type { WorkloadObject } from './workload-object.ts';

const SECRETS: Resource = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true };
const SERVICE_ACCOUNTS: Resource = { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true };

/** Core v1 Secret, as far as it is read. */
interface Secret extends KubeObject {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

interface ServiceAccount extends KubeObject {
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
}

export interface PullSecretsOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  /** The operator's own credentials, for cluster-wide policies. */
  readonly operators: Keychain;
  /** Something in the way of a pull secret: a sentence without secrets. */
  readonly onNote: (note: string) => void;
}

/** Finds the registry credentials of workloads. */
export type PullSecrets = (workload: WorkloadObject, options: { readonly operators: boolean; readonly signal: AbortSignal }) => Promise<Keychain>;

const FRESH = 60_000;
const CACHE_BYTES = 8 * 1024 * 1024;
const MAX_SECRETS = 16;
/** A DNS subdomain (RFC 1123), as every Secret's name is. */
const SECRET_NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

/**
 * The keychain of a workload: its own `imagePullSecrets`, those of its service account as the kubelet sees them, and, for
 * a cluster-wide policy, the operator's own after them (api.md, Authorities). Read by name, kept for a minute; one that
 * does not exist is passed over, as the kubelet does. An API server that cannot be reached rejects: credentials that could
 * not be read are not credentials that are not there.
 */
export function createPullSecrets(options: PullSecretsOptions): PullSecrets {
  const keychains = new Lru<{ readonly keychain: Keychain | undefined }>(CACHE_BYTES);
  const accounts = new Lru<readonly string[]>(CACHE_BYTES);
  const keychainFlights = new SingleFlight<Keychain | undefined>();
  const accountFlights = new SingleFlight<readonly string[]>();
  const now = (): number => options.clock.now();

  const ofSecret = (namespace: string, name: string, signal: AbortSignal): Promise<Keychain | undefined> => {
    const key = `${namespace}/${name}`;
    const known = keychains.get(key, now());
    if (known !== undefined) return Promise.resolve(known.keychain);
    return keychainFlights.run(key, async (flight) => {
      const { keychain, bytes } = await readSecret(options, namespace, name, flight);
      keychains.set(key, { keychain }, bytes, now() + FRESH);
      return keychain;
    }, signal);
  };
  const ofAccount = (namespace: string, name: string, signal: AbortSignal): Promise<readonly string[]> => {
    const key = `${namespace}/${name}`;
    const known = accounts.get(key, now());
    if (known !== undefined) return Promise.resolve(known);
    return accountFlights.run(key, async (flight) => {
      const names = await readAccount(options, namespace, name, flight);
      accounts.set(key, names, 256 + 64 * names.length, now() + FRESH);
      return names;
    }, signal);
  };

  return async (workload, { operators, signal }) => {
    // What has no namespace has no Secrets: its pods have, in theirs.
    const names = workload.namespace === '' ? [] : [...workload.pullSecrets, ...(await ofAccount(workload.namespace, workload.serviceAccount, signal))];
    // WARNING: the API server checks no name in a list of pull secrets; one that no Secret can have is as one that does not exist.
    const unique = [...new Set(names)].filter((name) => SECRET_NAME.test(name)).slice(0, MAX_SECRETS);
    const found = await Promise.all(unique.map((name) => ofSecret(workload.namespace, name, signal)));
    const all = [...found.filter((one) => one !== undefined), ...(operators ? [options.operators] : [])];
    return all.length === 0 ? anonymousKeychain : mergeKeychains(all);
  };
}

async function readAccount({ client, onNote }: PullSecretsOptions, namespace: string, name: string, signal: AbortSignal): Promise<readonly string[]> {
  try {
    const account = await client.get<ServiceAccount>(SERVICE_ACCOUNTS, { namespace, name }, { signal });
    return (account.imagePullSecrets ?? []).flatMap((one) => one.name ?? []);
  } catch (error) {
    if (isNotFound(error)) return [];
    if (!isForbidden(error)) throw error;
    onNote(`the pull secrets of service account ${namespace}/${name} cannot be read: ${messageOf(error)}`);
    return [];
  }
}

async function readSecret(
  { client, onNote }: PullSecretsOptions,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<{ keychain: Keychain | undefined; bytes: number }> {
  try {
    const secret = await client.get<Secret>(SECRETS, { namespace, name }, { signal });
    const keychain = keychainOf(secret, `Secret ${namespace}/${name}`, onNote);
    return { keychain, bytes: 512 + Object.values(secret.data ?? {}).reduce((sum, value) => sum + value.length, 0) };
  } catch (error) {
    if (isNotFound(error)) return { keychain: undefined, bytes: 512 };
    if (!isForbidden(error)) throw error;
    onNote(`pull secret ${namespace}/${name} cannot be read: ${messageOf(error)}`);
    return { keychain: undefined, bytes: 512 };
  }
}

function keychainOf(secret: Secret, source: string, onNote: (note: string) => void): Keychain | undefined {
  const modern = secret.data?.['.dockerconfigjson'];
  const legacy = secret.data?.['.dockercfg'];
  const text = modern ?? legacy;
  if (text === undefined) {
    onNote(`${source} is named as a pull secret and has neither .dockerconfigjson nor .dockercfg`);
    return undefined;
  }
  try {
    const { keychain, notes } = dockerConfigKeychain(Buffer.from(text, 'base64'), modern === undefined ? 'dockercfg' : 'config.json', source);
    for (const note of notes) onNote(note);
    return keychain;
  } catch (error) {
    onNote(messageOf(error));
    return undefined;
  }
}
