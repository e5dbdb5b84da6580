/** Where a server listens: `host` absent means all interfaces, port 0 a free one. */
export interface BindAddress {
  readonly host?: string;
  readonly port: number;
}

/**
 * Reads `host:port`, `:port` or `[v6]:port`; `0` (nothing else) turns the server off and gives `undefined`.
 * Throws an `Error` whose message says what is wrong with the text.
 */
export function parseBindAddress(text: string): BindAddress | undefined {
  if (text === '0') return undefined;
  const match = /^(?<host>\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9.-]{0,253}):(?<port>[0-9]{1,5})$/.exec(text);
  const port = Number(match?.groups?.['port']);
  if (match?.groups === undefined || port > 65_535) {
    throw new Error(`"${text}" is not an address to listen on: give host:port, :port, or 0 to turn it off`);
  }
  const host = match.groups['host']?.replace(/^\[(.*)\]$/, '$1') ?? '';
  return host === '' ? { port } : { host, port };
}
