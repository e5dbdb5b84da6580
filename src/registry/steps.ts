import type { AddressKind, Reach } from './address.ts';
import { isHttpListed, isListed, isLocal, type Endpoint, type HostRules } from './hosts.ts';

/** A request that was answered: by which URL, at which kind of address (unknown behind a proxy). */
export interface Hop {
  readonly url: URL;
  readonly zone: AddressKind | undefined;
}

/** Where a registry sends us on: how far that request may reach, or why it is not made. */
export type Step = { readonly reach: Reach } | { readonly refused: string };

/** How far the first request to a registry may reach. */
export function firstReach(endpoint: Endpoint): Reach {
  return endpoint.configured ? 'configured' : 'private';
}

const isPublic = (hop: Hop): boolean => hop.zone === undefined || hop.zone === 'public';

function httpAllowed(endpoint: Endpoint, from: Hop, to: URL, rules: HostRules): boolean {
  if (isHttpListed(rules, to.host)) return true;
  if (from.url.protocol !== 'http:') return false;
  if (to.host === from.url.host || to.host === endpoint.authority) return true;
  return rules.unlisted === 'http' || (rules.unlisted === 'cosign' && isLocal(to.host) && !isPublic(from));
}

/**
 * Judges a URL that a registry named: in a redirect, as a token endpoint or as the next page. No plain HTTP unless
 * allowed, no user name in the URL, and nothing public leads into a private network (Ratify CVE-2025-27403, Kyverno
 * CVE-2026-40868: requests and credentials steered by what a registry says).
 */
export function judgeStep(endpoint: Endpoint, from: Hop, to: URL, rules: HostRules): Step {
  if (to.protocol !== 'https:' && to.protocol !== 'http:') return { refused: `its scheme is neither https nor http` };
  if (to.username !== '' || to.password !== '') return { refused: 'it carries a user name or password' };
  if (to.protocol === 'http:' && !httpAllowed(endpoint, from, to, rules)) {
    return { refused: 'it is plain http, which is not allowed for that host (--allow-http-registry)' };
  }
  if (isListed(rules, to.host)) return { reach: 'configured' };
  if (to.host === endpoint.authority) return { reach: firstReach(endpoint) };
  if (isPublic(from)) return { reach: 'public' };
  // A registry on the user's own machine may send on to another port of it, as a test registry with a blob store does.
  const local = rules.unlisted !== undefined && rules.unlisted !== 'tls' && isLocal(to.host);
  return { reach: local ? 'configured' : 'private' };
}
