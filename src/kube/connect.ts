import { systemClock } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { createClient } from './client.ts';
import type { KubeClient } from './client.ts';
import { credentialsFrom } from './credentials.ts';
import type { CredentialOptions } from './credentials.ts';
import { loadKubeConfig } from './kubeconfig.ts';
import type { ClusterAccess, KubeConfigOptions } from './kubeconfig.ts';
import { createTransport } from './transport.ts';
import type { TransportHooks } from './transport.ts';

export interface ConnectOptions extends KubeConfigOptions {
  readonly clock?: Clock;
  readonly hooks?: TransportHooks;
  readonly credentials?: CredentialOptions;
  readonly userAgent?: string;
}

/** A client and what its configuration said. */
export interface Connection {
  readonly client: KubeClient;
  readonly access: ClusterAccess;
}

/**
 * Builds the client; no request is sent yet. Reads the configuration (throws KubeConfigError) unless the caller did, and
 * gives what it said as `access`.
 */
export function connect(options: ConnectOptions, access: ClusterAccess = loadKubeConfig(options)): Connection {
  const clock = options.clock ?? systemClock;
  const transport = createTransport({
    server: access.server,
    credentials: credentialsFrom(access, clock, options.credentials, options),
    clock,
    ...(access.proxyUrl === undefined ? {} : { proxyUrl: access.proxyUrl }),
    ...(options.hooks === undefined ? {} : { hooks: options.hooks }),
    ...(options.userAgent === undefined ? {} : { userAgent: options.userAgent }),
  });
  return { client: createClient(transport, clock), access };
}
