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

/** Reads the configuration (throws KubeConfigError) and builds the client; no request is sent yet. */
export function connect(options: ConnectOptions): Connection {
  const clock = options.clock ?? systemClock;
  const access = loadKubeConfig(options);
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
