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

// Second-level labels under which countries register, and domains that many tenants share. Short of the whole public
// suffix list; what is missing here ends in anonymous access with a reason, or is configured.
const SECOND_LEVEL = /^(?:ac|asn|co|com|ed|edu|firm|gen|go|gob|gouv|gov|gv|id|ind|info|lg|ltd|me|mil|ne|net|nic|nom|or|org|plc|res|sch|web)$/;
const SHARED = new Set([
  'amazonaws.com', 'aliyuncs.com', 'azurecr.io', 'azurewebsites.net', 'azure.com', 'cloudfront.net', 'digitaloceanspaces.com', 'fly.dev', 'github.io', 'gitlab.io',
  'googleapis.com', 'herokuapp.com', 'myhuaweicloud.com', 'netlify.app', 'ngrok.io', 'onrender.com', 'pages.dev', 'pkg.dev', 'run.app', 'scw.cloud', 'vercel.app',
  'windows.net', 'workers.dev', 'local', 'internal', 'localhost', 'svc', 'cluster.local', 'nip.io', 'sslip.io',
]);

const isAddress = (host: string): boolean => host.startsWith('[') || /^[\d.]+$/.test(host);

/** The domain that somebody registered (`acme.co.uk` of `auth.acme.co.uk`), or the whole name where that is not sure. */
export function registrableDomain(host: string): string {
  if (isAddress(host)) return host;
  const labels = host.split('.');
  const [second = '', top = ''] = labels.slice(-2);
  const shared = labels.findIndex((_, at) => SHARED.has(labels.slice(at).join('.')));
  if (shared >= 0) return host;
  const take = top.length === 2 && SECOND_LEVEL.test(second) ? 3 : 2;
  return labels.length < take ? host : labels.slice(-take).join('.');
}

const refuse = (because: string): RealmVerdict => ({ credentials: false, because });

/**
 * Whether a registry's credentials may go to the token endpoint it names: https only (http only at the very address of
 * a registry that was allowed http), and only to its own host, one of the same registrable domain, a known pair or a
 * configured one, named over verified TLS (Ratify CVE-2025-27403: tokens sent to hosts that others own).
 */
export function judgeRealm({ endpoint, origin, verified, realm, configured }: RealmQuestion): RealmVerdict {
  if (realm.origin === origin.origin) return { credentials: true };
  if (realm.protocol !== 'https:') return refuse('its token endpoint is not https');
  if (configured.includes(realm.host)) return { credentials: true };
  if (realm.hostname === origin.hostname) return { credentials: true };
  if (!verified) return refuse('its token endpoint is another host, named over a connection that was not verified');
  if (KNOWN_PAIRS.has(`${endpoint.host} ${realm.host}`)) return { credentials: true };
  if (registrableDomain(realm.hostname) === registrableDomain(origin.hostname)) return { credentials: true };
  return refuse(`its token endpoint ${realm.host} is of another domain`);
}
