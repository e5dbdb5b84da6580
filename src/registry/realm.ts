import type { Endpoint } from './hosts.ts';

/** Whether credentials may go to a token endpoint; if not, why, in words that end a message. */
export type RealmVerdict = { readonly credentials: true } | { readonly credentials: false; readonly because: string };

/** What a token endpoint is judged by. */
export interface RealmQuestion {
  readonly endpoint: Endpoint;
  /** The registry's own origin, as it was contacted. */
  readonly origin: URL;
  /** Whether that was TLS with a verified certificate. */
  readonly verified: boolean;
  readonly realm: URL;
  /** Hosts of token endpoints that were configured for this registry. */
  readonly configured: readonly string[];
}

// Token endpoints outside of the registry's domain that belong to it.
const KNOWN_PAIRS: ReadonlySet<string> = new Set(['docker.io auth.docker.io', 'nvcr.io authn.nvidia.com']);

// Registries of many tenants that the public suffix list leaves out, and names inside of one network, which nobody registers.
const SHARED: ReadonlySet<string> = new Set([
  'amazonaws.com', 'aliyuncs.com', 'azurecr.io', 'myhuaweicloud.com', 'pkg.dev', 'scw.cloud',
  'cluster.local', 'internal', 'local', 'localhost', 'svc',
]);

/**
 * The domain that somebody registered (`acme.co.uk` of `auth.acme.co.uk`), by the public suffix list with its private
 * part, so that two tenants of one provider are two owners. The whole name where nobody did, or where many share it.
 */
export async function registrableDomain(host: string): Promise<string> {
  const labels = host.split('.');
  if (labels.some((_, at) => SHARED.has(labels.slice(at).join('.')))) return host;
  // The list is long, and most registries name a host of their own.
  const { getDomain } = await import('tldts');
  return getDomain(host, { allowPrivateDomains: true }) ?? host;
}

const refuse = (because: string): RealmVerdict => ({ credentials: false, because });

/**
 * Whether a registry's credentials may go to the token endpoint it names: https only (http only at the very address of
 * a registry that was allowed http), and only to its own host, one of the same registrable domain, a known pair or a
 * configured one, named over verified TLS (Ratify CVE-2025-27403: tokens sent to hosts that others own).
 */
export async function judgeRealm({ endpoint, origin, verified, realm, configured }: RealmQuestion): Promise<RealmVerdict> {
  if (realm.origin === origin.origin) return { credentials: true };
  if (realm.protocol !== 'https:') return refuse('its token endpoint is not https');
  if (configured.includes(realm.host)) return { credentials: true };
  if (realm.hostname === origin.hostname) return { credentials: true };
  if (!verified) return refuse('its token endpoint is another host, named over a connection that was not verified');
  if (KNOWN_PAIRS.has(`${endpoint.host} ${realm.host}`)) return { credentials: true };
  if ((await registrableDomain(realm.hostname)) === (await registrableDomain(origin.hostname))) return { credentials: true };
  return refuse(`its token endpoint ${realm.host} is of another domain`);
}
