import { X509Certificate } from 'node:crypto';
import { DeadlineExceeded } from '../../base/abort.ts';
import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import { fieldOf, textOf } from '../../karmada/json.ts';
import { ApiError } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import { connect } from '../../kube/connect.ts';
import type { Connection } from '../../kube/connect.ts';
import { type Credentials, credentialsFrom } from '../../kube/credentials.ts';
import type { ClusterAccess, KubeConfigOptions } from '../../kube/kubeconfig.ts';
import type { RequestRecord } from '../../kube/transport.ts';
import { type Patience, within } from './look.ts';
import type { AccessFacts, Failure, Seen, ServerFacts } from './types.ts';

/** An API server that was found in a configuration; nothing has been asked of it yet. */
export interface Reach extends Connection {
  /** The last request that was answered. */
  readonly last: () => (RequestRecord & { readonly at: number }) | undefined;
}

/** Reads the configuration; in one sentence why it cannot be used. */
export function reachOf(options: KubeConfigOptions, clock: Clock): Seen<Reach> {
  let last: (RequestRecord & { readonly at: number }) | undefined;
  try {
    const onRequest = (record: RequestRecord): void => void (last = { ...record, at: clock.now() });
    return { seen: true, value: { ...connect({ ...options, clock, userAgent: 'assay-doctor', hooks: { onRequest } }), last: () => last } };
  } catch (error) {
    return { seen: false, why: messageOf(error) };
  }
}

/** What the configuration says of itself; the credentials are read (a plugin may run for them), and nothing of them is kept. */
export async function accessFacts(access: ClusterAccess, clock: Clock, timeout: number): Promise<AccessFacts> {
  const credentials = await credentialsFrom(access, clock, { deadline: timeout }).resolve().catch(() => undefined);
  const expires = credentials === undefined ? undefined : expiryOf(credentials);
  return {
    source: access.source,
    server: access.server.href.replace(/\/$/, ''),
    context: access.context,
    insecure: access.server.protocol === 'http:' || access.kubeConfig.getCurrentCluster()?.skipTLSVerify === true,
    ...(expires === undefined ? {} : { expires }),
  };
}

/** When credentials stop counting: `notAfter` of the certificate, `exp` of a token that is a JWT (RFC 7519, 4.1.4). */
export function expiryOf({ headers, tls }: Pick<Credentials, 'headers' | 'tls'>): AccessFacts['expires'] {
  const [, payload] = /^Bearer [\w-]+\.([\w-]+)\.[\w-]+$/.exec(headers['authorization'] ?? '') ?? [];
  try {
    if (payload !== undefined) {
      const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { exp?: unknown };
      return typeof exp === 'number' ? { of: 'token', at: exp * 1000 } : undefined;
    }
    if (tls.cert !== undefined) return { of: 'client certificate', at: Date.parse(new X509Certificate(tls.cert).validTo) };
  } catch {
    // Whatever it is, the API server says whether it counts.
  }
  return undefined;
}

/** Asks the API server for its version, and by that whether it is there, is who it should be, and lets us in. */
export async function serverFacts({ client, last }: Reach, patience: Patience): Promise<ServerFacts> {
  const ask = (signal: AbortSignal): Promise<unknown> => client.getPath('/version', { signal, deadline: patience.timeout, maxBytes: 64 * 1024 });
  try {
    // WARNING: a call that is aborted while its connection is being made ends only when that does, after 5 s.
    const gitVersion = fieldOf(await within('asking for its version', patience, ask), 'gitVersion');
    const record = last();
    const milliseconds = Math.round((record?.seconds ?? 0) * 1000);
    // Their clock shows whole seconds, and the answer was on its way for half of the time.
    const skew = record?.serverTime === undefined ? undefined : record.serverTime + 500 - (record.at - milliseconds / 2);
    return { reached: true, version: textOf(gitVersion), milliseconds, ...(skew === undefined ? {} : { skew }) };
  } catch (error) {
    return { reached: false, at: failureAt(error), why: messageOf(error) };
  }
}

const TLS = /^(?:.*CERT.*|ERR_TLS.*|ERR_SSL.*|EPROTO|UNABLE_TO_.*|HOSTNAME_MISMATCH)$/;

/** At what a call failed: finding the server, knowing that it is the right one, being let in, or its answer. */
export function failureAt(error: unknown): Failure {
  if (error instanceof DeadlineExceeded) return 'address';
  if (!(error instanceof ApiError)) return 'answer';
  if (error.code === 'NoCredentials' || error.code === 'Unauthorized') return 'credentials';
  if (error.code === 'Timeout') return 'address';
  if (error.code !== 'Unreachable') return 'answer';
  const { code = '' } = (error.cause ?? {}) as { code?: unknown };
  return TLS.test(String(code)) ? 'tls' : 'address';
}

const SELF = { group: 'authentication.k8s.io', version: 'v1', plural: 'selfsubjectreviews', kind: 'SelfSubjectReview', namespaced: false } as const;

/** Who the API server takes us to be. Rejects with ApiError. */
export async function callerOf(client: KubeClient, deadline: number): Promise<string> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  return textOf(fieldOf(fieldOf(fieldOf(await client.create(SELF, undefined, body, { deadline }), 'status'), 'userInfo'), 'username'));
}
