import { BlockList, isIP } from 'node:net';

import { addressKind } from './address.ts';

/** Proxy variables of an environment: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in either case. */
export type ProxyVariables = Readonly<Record<string, string>>;

/** The http or https URL of a proxy, or why what was given is none. */
export type Proxy = { readonly url: URL } | { readonly problem: string };

type Exception = (host: string, port: string) => boolean;

/**
 * Who is asked by way of a proxy, as Go's programs see it and cosign with them (golang.org/x/net/http/httpproxy): by the scheme of what is
 * asked; never this machine; and nobody whom `NO_PROXY` lists by name (with all names below it), address, network or `*`, with a port or without.
 */
export class Proxies {
  readonly #byScheme: Readonly<Record<string, Proxy | undefined>>;
  readonly #exceptions: readonly Exception[];

  constructor(variables: ProxyVariables) {
    const value = (name: string): string | undefined => variables[name] ?? variables[name.toLowerCase()];
    const proxy = (name: string): Proxy | undefined => {
      const text = value(name);
      return text === undefined || text === '' ? undefined : proxyFrom(name, text);
    };
    this.#byScheme = { 'https:': proxy('HTTPS_PROXY'), 'http:': proxy('HTTP_PROXY') };
    this.#exceptions = (value('NO_PROXY') ?? '').split(',').flatMap((entry) => exceptionFrom(entry.trim().toLowerCase()));
  }

  /** The proxy for this URL; nothing where it is asked directly. */
  of(url: URL): Proxy | undefined {
    const proxy = this.#byScheme[url.protocol];
    if (proxy === undefined) return undefined;
    const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
    if (host === 'localhost' || (isIP(host) !== 0 && addressKind(host) === 'loopback')) return undefined;
    const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
    return this.#exceptions.some((excepts) => excepts(host, port)) ? undefined : proxy;
  }
}

function proxyFrom(name: string, text: string): Proxy {
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (url !== null && /^https?:$/.test(url.protocol) && url.hostname !== '') return { url };
  // The text may hold a password.
  return { problem: `${name} is not the http or https URL of a proxy` };
}

function exceptionFrom(entry: string): readonly Exception[] {
  if (entry === '') return [];
  if (entry === '*') return [() => true];
  const network = /^([0-9a-f.:]+)\/(\d{1,3})$/.exec(entry);
  if (network !== null) return inNetwork(network[1] ?? '', Number(network[2]));
  const [, bracketed, plain, onPort] = /^(?:\[(.+)\]|([^:]+)|.+?)(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? [];
  const named = (bracketed ?? plain ?? entry).replace(/^\*(?=\.)/, '');
  const below = named.startsWith('.') ? named : `.${named}`;
  return [(host, port) => (onPort === undefined || onPort === port) && (host === named || (isIP(host) === 0 && host.endsWith(below)))];
}

function inNetwork(address: string, bits: number): readonly Exception[] {
  const version = isIP(address);
  if (version === 0 || bits > (version === 4 ? 32 : 128)) return [];
  const list = new BlockList();
  list.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6');
  return [(host) => isIP(host) === version && list.check(host, version === 4 ? 'ipv4' : 'ipv6')];
}
