import { isIPv4 } from 'node:net';

import { addressKind } from './address.ts';

/** Which hosts the person who runs this has named, and what that allows. A host is written as in image names: `127.0.0.1:5000`. */
export interface HostRules {
  /** Spoken to by plain HTTP, and only so. They count as configured: whatever their address is, it may be contacted. */
  readonly allowHttp?: readonly string[];
  /** Count as configured, over TLS: registries on loopback or link-local addresses. */
  readonly allowPrivate?: readonly string[];
  /**
   * Hosts that are not listed. `tls` (the operator, and the default): TLS only, on public and private addresses.
   * `cosign` (the command line): a host that the user typed is configured; TLS, or HTTP where there is no TLS and the
   * host is local by go-containerregistry's rule. `http`: like `cosign`, with HTTP after TLS for every host
   * (`--allow-http-registry`, `--allow-insecure-registry`).
   */
  readonly unlisted?: 'tls' | 'cosign' | 'http';
}

export type Scheme = 'https' | 'http';

/** Where a registry is contacted. */
export interface Endpoint {
  /** The canonical host of image names, for messages: `docker.io`. */
  readonly host: string;
  /** What is contacted: `registry-1.docker.io`. */
  readonly authority: string;
  /** In the order in which they are tried. */
  readonly schemes: readonly Scheme[];
  /** Whether its address is not judged. */
  readonly configured: boolean;
}

const DOCKER_HUB = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

const lists = (hosts: readonly string[] | undefined, host: string): boolean => hosts?.some((one) => one.toLowerCase() === host) ?? false;

/** Whether this host (with or without a port) was listed by name. */
export function isListed(rules: HostRules, host: string): boolean {
  return lists(rules.allowHttp, host) || lists(rules.allowPrivate, host);
}

/** Whether plain HTTP was allowed to this host by name. */
export function isHttpListed(rules: HostRules, host: string): boolean {
  return lists(rules.allowHttp, host);
}

/**
 * Whether cosign would speak HTTP to this host unasked: `localhost` with a port, `*.localhost`, 127.0.0.1, ::1 and the
 * networks of RFC 1918 (go-containerregistry, pkg/name/registry.go).
 */
export function isLocal(host: string): boolean {
  const name = host.replace(/:\d{1,5}$/, '');
  if (isIPv4(name)) return name === '127.0.0.1' || (addressKind(name) === 'private' && /^(?:10|172|192)\./.test(name));
  return host.startsWith('localhost:') || name.endsWith('.localhost') || name === '[::1]' || host === '::1';
}

/** Where and how the registry with this canonical host is contacted. */
export function endpointOf(host: string, rules: HostRules): Endpoint {
  const authority = DOCKER_HUB.has(host) ? 'registry-1.docker.io' : host;
  if (isHttpListed(rules, host)) return { host, authority, schemes: ['http'], configured: true };
  const unlisted = rules.unlisted ?? 'tls';
  const http = unlisted === 'http' || (unlisted === 'cosign' && isLocal(host));
  return { host, authority, schemes: http ? ['https', 'http'] : ['https'], configured: unlisted !== 'tls' || isListed(rules, host) };
}
