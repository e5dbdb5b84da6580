/** A token endpoint's answer (distribution/spec, Token Authentication). */
export interface Token {
  readonly value: string;
  /** Milliseconds that it is valid for. */
  readonly lifetime: number;
}

/** One request to a token endpoint. */
export interface TokenRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What a token is asked for. */
export interface TokenDemand {
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
}

/** A response to a token request is never read beyond this. */
export const TOKEN_LIMIT = 64 * 1024;

// The specification's default and its least value.
const DEFAULT_LIFETIME = 60_000;
const MAX_LIFETIME = 3_600_000;

/** `Basic` with these credentials (RFC 7617, UTF-8). */
export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

/** Asks with a user's name and password, or anonymously. */
export function passwordRequest(demand: TokenDemand, login?: { readonly username: string; readonly password: string }): TokenRequest {
  const url = new URL(demand.realm);
  url.hash = '';
  if (demand.service !== undefined) url.searchParams.set('service', demand.service);
  for (const scope of demand.scopes) url.searchParams.append('scope', scope);
  if (login === undefined) return { method: 'GET', url, headers: {} };
  url.searchParams.set('account', login.username);
  return { method: 'GET', url, headers: { authorization: basic(login.username, login.password) } };
}

/** Asks with a refresh token, by OAuth2 as Docker does (`identitytoken`). */
export function identityRequest(demand: TokenDemand, identityToken: string): TokenRequest {
  const url = new URL(demand.realm);
  url.hash = '';
  const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: 'assay', refresh_token: identityToken });
  if (demand.service !== undefined) form.set('service', demand.service);
  form.set('scope', demand.scopes.join(' '));
  return { method: 'POST', url, headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: form.toString() };
}

/** The token in a token endpoint's answer, or nothing where there is none that could be sent in a header. */
export function tokenOf(answer: { readonly bytes: Uint8Array }): Token | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(answer.bytes));
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { token, access_token: access, expires_in: seconds } = parsed as Record<string, unknown>;
  const value = typeof token === 'string' && token !== '' ? token : access;
  if (typeof value !== 'string' || !/^[\x21-\x7e]{1,32768}$/.test(value)) return undefined;
  const lifetime = typeof seconds === 'number' && Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : DEFAULT_LIFETIME;
  return { value, lifetime: Math.min(lifetime, MAX_LIFETIME) };
}

const SCOPE_WORD = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/**
 * The scopes to ask for: pull from this repository, and of what the registry's challenge wants only plain words (as
 * public.ecr.aws does). A registry cannot make us ask for another repository or for more than reading.
 */
export function scopesOf(path: string, challenged: string | undefined): readonly string[] {
  const words = (challenged ?? '').split(' ', 4).filter((word) => SCOPE_WORD.test(word));
  return [`repository:${path}:pull`, ...words];
}
