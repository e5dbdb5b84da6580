import { createHash } from 'node:crypto';
import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { DeadlineExceeded, deadline } from '../base/abort.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { ApiError } from './api-error.ts';
import { abortable } from './exchange.ts';
import { loadKubeConfig } from './kubeconfig.ts';
import type { ClusterAccess, KubeConfigOptions } from './kubeconfig.ts';

/** What a TLS connection to the API server is made with. */
export interface TlsMaterial {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

/** Who we are, at this moment. */
export interface Credentials {
  /** `Authorization`, `Impersonate-User`; never to be printed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsMaterial;
  /** Equal exactly when the TLS bytes are equal: connections are renewed only when it changes. */
  readonly tlsFingerprint: string;
}

/** Where the transport takes its credentials from. */
export interface CredentialSource {
  /** Read again when older than the maximum age; concurrent calls share one reading. */
  resolve(): Promise<Credentials>;
  /** After a 401 for `rejected`: read afresh, with nothing remembered, unless somebody did meanwhile. */
  renew(rejected: Credentials): Promise<Credentials>;
}

/** Bounds of a credential source; milliseconds. */
export interface CredentialOptions {
  /** Default 30 s: a rotated token or certificate is in use after that. */
  readonly maxAge?: number;
  /** How long a credential plugin may take. Default 30 s. */
  readonly deadline?: number;
  /** Told when reading fails while older credentials can still be used. */
  readonly onError?: (error: ApiError) => void;
}

const RENEW_INTERVAL = 5000;

/**
 * Credentials of a kubeconfig's user: certificates and tokens inside of it or in files, exec plugins, OIDC, and a pod's
 * token, which rotates. `configuration` is read once more on `renew`, so that a replaced kubeconfig counts too.
 */
export function credentialsFrom(access: ClusterAccess, clock: Clock, options: CredentialOptions = {}, configuration?: KubeConfigOptions): CredentialSource {
  const maxAge = options.maxAge ?? 30_000;
  let current = access;
  let last: { value: Credentials; at: number } | undefined;
  let reading: Promise<Credentials> | undefined;
  let renewedAt = Number.NEGATIVE_INFINITY;

  const read = (): Promise<Credentials> => {
    // WARNING: joined until it settles, even past the deadline: else each call would start one more hung plugin.
    reading ??= readCredentials(current)
      .then((value) => {
        last = { value, at: clock.now() };
        return value;
      })
      .finally(() => {
        reading = undefined;
      });
    return bounded(reading, clock, options.deadline ?? 30_000, current);
  };

  return {
    async resolve() {
      if (last !== undefined && clock.now() - last.at < maxAge) return last.value;
      try {
        return await read();
      } catch (error) {
        if (last === undefined) throw error;
        // A CA file that is being replaced must not stop us: what worked is used for one more turn.
        last = { value: last.value, at: clock.now() };
        options.onError?.(error as ApiError);
        return last.value;
      }
    },
    async renew(rejected) {
      if (last !== undefined && last.value !== rejected) return last.value;
      // A user whom the server no longer knows must not start a plugin with each call.
      if (last !== undefined && clock.now() - renewedAt < RENEW_INTERVAL) return last.value;
      renewedAt = clock.now();
      if (reading === undefined) current = afresh(current, configuration);
      return read();
    },
  };
}

/** The same access with empty token caches (they are the library's and private), re-read from its files where it can be. */
function afresh(access: ClusterAccess, configuration: KubeConfigOptions | undefined): ClusterAccess {
  try {
    if (configuration !== undefined) return { ...loadKubeConfig(configuration), server: access.server };
  } catch {
    // A kubeconfig that went bad is no reason to drop the credentials that we have; the server decides.
  }
  const kubeConfig = new KubeConfig();
  const { clusters, users, contexts, currentContext } = access.kubeConfig;
  kubeConfig.loadFromOptions({ clusters, users, contexts, currentContext });
  return { ...access, kubeConfig };
}

async function readCredentials(access: ClusterAccess): Promise<Credentials> {
  const request: RequestOptions = {};
  try {
    await access.kubeConfig.applyToHTTPSOptions(request);
  } catch (error) {
    throw new ApiError('NoCredentials', `${access.source}: ${whyNot(access, error)}`, { cause: error });
  }
  const tls = tlsOf(request);
  return { headers: headersOf(request), tls, tlsFingerprint: fingerprint(tls) };
}

function whyNot(access: ClusterAccess, error: unknown): string {
  const user = access.kubeConfig.getCurrentUser();
  const command = (user?.exec as { command?: string } | undefined)?.command;
  const missing = (error as { code?: unknown }).code === 'ENOENT';
  if (command === undefined) return `the credentials of the user "${user?.name ?? ''}" cannot be read: ${messageOf(error, 300)}`;
  if (missing) return `the credential plugin "${command}" is not installed or not in PATH: install it, or use another user`;
  return `the credential plugin "${command}" failed: ${messageOf(error, 300) || 'it said nothing'}`;
}

function headersOf(request: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    // A token file usually ends in a line break, which no header may hold.
    if (typeof value === 'string') headers[name.toLowerCase()] = value.trim();
  }
  if (typeof request.auth === 'string') headers['authorization'] = `Basic ${Buffer.from(request.auth).toString('base64')}`;
  return headers;
}

function tlsOf(request: RequestOptions): TlsMaterial {
  const { ca, cert, key, servername, rejectUnauthorized } = request;
  return {
    ...(ca === undefined ? {} : { ca: ca as Buffer }),
    ...(cert === undefined ? {} : { cert: cert as Buffer }),
    ...(key === undefined ? {} : { key: key as Buffer }),
    ...(servername === undefined ? {} : { servername }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
  };
}

function fingerprint(tls: TlsMaterial): string {
  const hash = createHash('sha256');
  for (const part of [tls.ca, tls.cert, tls.key, tls.servername, String(tls.rejectUnauthorized)]) {
    hash.update(part === undefined ? '-' : `${part.length}:`).update(part ?? '');
  }
  return hash.digest('hex');
}

async function bounded<Value>(work: Promise<Value>, clock: Clock, milliseconds: number, access: ClusterAccess): Promise<Value> {
  const limit = deadline(clock, milliseconds, 'reading the credentials');
  try {
    return await abortable(work, limit.signal);
  } catch (error) {
    if (!(error instanceof DeadlineExceeded)) throw error;
    throw new ApiError('NoCredentials', `${access.source}: its credentials were not there after ${milliseconds / 1000} s`, { cause: error });
  } finally {
    limit.cancel();
  }
}
