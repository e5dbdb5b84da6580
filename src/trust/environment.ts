/** Proxy variables as they are in an environment: `HTTPS_PROXY`, `NO_PROXY` and their like. */
export type ProxyVariables = Readonly<Record<string, string>>;

const PROXY = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];

/** The variables that programs take proxies from, in either case. */
export function proxyOf(env: Readonly<Record<string, string | undefined>>): ProxyVariables {
  return Object.fromEntries(PROXY.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}

/** A mirror as somebody wrote it, as the base of URLs; nothing for what is not the http or https URL of one. */
export function mirrorOf(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  return plain ? `${url.origin}${url.pathname.replace(/\/+$/, '')}` : undefined;
}

/** What turns refreshing off in place of a mirror. */
export function isOff(text: string): boolean {
  return text === '0' || text === 'off';
}
