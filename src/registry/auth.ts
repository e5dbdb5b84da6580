import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { Lru } from '../base/lru.ts';
import { SingleFlight } from '../base/single-flight.ts';

import type { AddressKind } from './address.ts';
import { failureOf, name, type Subject } from './failures.ts';
import { header, type Headers } from './headers.ts';
import type { Endpoint, HostRules } from './hosts.ts';
import { judgeRealm } from './realm.ts';
import type { Sender } from './sender.ts';
import { judgeStep, type Hop } from './steps.ts';
import { basic, identityRequest, passwordRequest, scopesOf, TOKEN_LIMIT, tokenOf, type Token, type TokenDemand, type TokenRequest } from './tokens.ts';
import { RegistryError, type Credentials, type Keychain } from './types.ts';
import { parseChallenges, type Challenge } from './www-authenticate.ts';

/** Who asks which registry for what. */
export interface Session {
  readonly endpoint: Endpoint;
  /** The registry's own address, and the kind of network that the answer came from which is learnt from. */
  readonly home: Hop;
  /** Whether `home` is TLS with a verified certificate. */
  readonly verified: boolean;
  readonly subject: Subject;
  readonly keychain: Keychain;
  readonly signal: AbortSignal;
}

/** What to send as `Authorization`, if anything, and why credentials were left out. */
export interface Authorization {
  readonly value?: string;
  readonly note?: string;
  /** Under which the token is remembered, where it is one. */
  readonly token?: string;
}

export interface AuthenticatorOptions {
  readonly clock: Clock;
  readonly rules: HostRules;
  /** Hosts of token endpoints by registry host, where they are of another domain. */
  readonly tokenHosts: Readonly<Record<string, readonly string[]>>;
}

/** How a registry wants to be asked, and the kind of network in which the one is that said so. */
interface Known {
  readonly challenge: Challenge | 'none';
  readonly zone: AddressKind | undefined;
}

const CHALLENGE_AGE = 3_600_000;
const CHALLENGE_BYTES = 1024 * 1024;
const TOKEN_BYTES = 8 * 1024 * 1024;

const hasLogin = (credentials: Credentials | undefined): boolean =>
  credentials?.identityToken !== undefined || (credentials?.username !== undefined && credentials.password !== undefined);

/** Turns credentials into `Authorization` headers: remembers each registry's challenge, and tokens until they expire. */
export class Authenticator {
  readonly #sender: Sender;
  readonly #options: AuthenticatorOptions;
  readonly #challenges = new Lru<Known>(CHALLENGE_BYTES);
  readonly #tokens = new Lru<string>(TOKEN_BYTES);
  readonly #flights = new SingleFlight<Token>();

  constructor(sender: Sender, options: AuthenticatorOptions) {
    this.#sender = sender;
    this.#options = options;
  }

  /** Whether a request with these credentials had better be preceded by a ping, because it is not known how to send them. */
  async needsPing(session: Session): Promise<boolean> {
    const known = this.#challenges.get(session.home.url.origin, this.#options.clock.now());
    const credentials = await this.#lookup(session);
    return known === undefined && credentials?.registryToken === undefined && hasLogin(credentials);
  }

  /** What to send to the registry now. Throws {@link RegistryError} where a token was needed and not given. */
  async authorize(session: Session): Promise<Authorization> {
    const credentials = await this.#lookup(session);
    if (credentials?.registryToken !== undefined) return { value: `Bearer ${credentials.registryToken}` };
    const { challenge, zone } = this.#challenges.get(session.home.url.origin, this.#options.clock.now()) ?? { challenge: 'none' };
    if (challenge === 'none') return {};
    // A token endpoint is a step from there, and not from wherever the registry's name has led since.
    if (challenge.scheme === 'bearer') return this.#bearer({ ...session, home: { ...session.home, zone } }, challenge, credentials);
    if (credentials?.username === undefined || credentials.password === undefined) return { note: 'no credentials were given' };
    return { value: basic(credentials.username, credentials.password) };
  }

  /**
   * Takes note of how this registry wants to be asked, from the answer to a request with `sent`; tells whether asking
   * again may help.
   */
  learn(session: Session, status: number, headers: Headers, sent: Authorization): boolean {
    const { url: { origin }, zone } = session.home;
    const challenges = parseChallenges(header(headers, 'www-authenticate'));
    const challenge = challenges.find(({ scheme }) => scheme === 'bearer') ?? challenges.find(({ scheme }) => scheme === 'basic');
    const kept = status === 401 ? challenge : 'none';
    if (kept === undefined) return false;
    this.#challenges.set(origin, { challenge: kept, zone }, JSON.stringify(kept).length + origin.length, this.#options.clock.now() + CHALLENGE_AGE);
    if (sent.token !== undefined) this.#tokens.delete(sent.token);
    return kept !== 'none';
  }

  async #lookup(session: Session): Promise<Credentials | undefined> {
    const { keychain, subject, signal } = session;
    try {
      return await raced(keychain.lookup(subject.repository), signal);
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      throw new RegistryError('Unauthorized', `${name(subject)}: the credentials could not be read: ${messageOf(thrown)}`, { cause: thrown });
    }
  }

  async #bearer(session: Session, challenge: Challenge, credentials: Credentials | undefined): Promise<Authorization> {
    const { realm, service, scope } = challenge.parameters;
    const url = realm === undefined ? null : URL.parse(realm, session.home.url.origin);
    if (url === null) throw new RegistryError('Unavailable', `${name(session.subject)}: the registry asks for a token but names no valid token endpoint`);
    const { note, login } = await this.#loginFor(session, url, credentials);
    const demand: TokenDemand = { realm: url, service, scopes: scopesOf(session.subject.repository.path, scope) };
    const key = JSON.stringify([session.home.url.origin, url.href, service, demand.scopes, login === undefined ? '' : session.keychain.scope]);
    const remembered = this.#tokens.get(key, this.#options.clock.now());
    const value = remembered ?? (await this.#fetch(key, session, demand, login, note));
    return { value, token: key, ...(note === undefined ? {} : { note }) };
  }

  async #loginFor(session: Session, realm: URL, credentials: Credentials | undefined): Promise<{ readonly login?: Credentials; readonly note?: string }> {
    if (credentials === undefined || !hasLogin(credentials)) return { note: 'no credentials were given' };
    const { endpoint, home, verified } = session;
    const configured = this.#options.tokenHosts[endpoint.host] ?? [];
    const verdict = await judgeRealm({ endpoint, origin: home.url, verified, realm, configured });
    return verdict.credentials ? { login: credentials } : { note: `the credentials for ${endpoint.host} were not used because ${verdict.because}` };
  }

  async #fetch(key: string, session: Session, demand: TokenDemand, login: Credentials | undefined, note: string | undefined): Promise<string> {
    const { value, lifetime } = await this.#flights.run(key, (signal) => this.#request({ ...session, signal }, demand, login, note), session.signal);
    const authorization = `Bearer ${value}`;
    // Some time before it ends, so that a token does not expire on its way.
    const until = this.#options.clock.now() + lifetime - Math.min(10_000, lifetime / 10);
    this.#tokens.set(key, authorization, key.length + authorization.length, until);
    return authorization;
  }

  async #request(session: Session, demand: TokenDemand, login: Credentials | undefined, note: string | undefined): Promise<Token> {
    const { endpoint, home, signal } = session;
    const subject: Subject = { ...session.subject, what: `a token for ${session.subject.what}` };
    const step = judgeStep(endpoint, home, demand.realm, this.#options.rules);
    if ('refused' in step) {
      throw new RegistryError('Forbidden', `${name(subject)}: the token endpoint ${demand.realm.host} was not asked: ${step.refused}`);
    }
    const own = demand.realm.host === home.url.host;
    const reply = await this.#sender.send({
      ...tokenRequest(demand, login),
      kind: 'token', reach: step.reach, trust: own ? 'own' : 'strict', limit: TOKEN_LIMIT, subject, signal,
    });
    const elsewhere = own ? undefined : demand.realm.host;
    if (reply.status !== 200) throw tokenFailure({ ...reply, note }, subject, elsewhere, this.#options.clock.now());
    const token = tokenOf(reply);
    if (token === undefined) throw new RegistryError('Unavailable', `${name(subject)}: the answer of ${demand.realm.host} holds no token`);
    return token;
  }
}

function tokenRequest(demand: TokenDemand, login: Credentials | undefined): TokenRequest {
  if (login?.identityToken !== undefined) return identityRequest(demand, login.identityToken);
  const { username, password } = login ?? {};
  return passwordRequest(demand, username === undefined || password === undefined ? undefined : { username, password });
}

/** A token endpoint that refuses is an answer about the credentials; a redirect is not followed, with or without them. */
function tokenFailure(reply: Parameters<typeof failureOf>[0], subject: Subject, elsewhere: string | undefined, now: number): RegistryError {
  const refused = reply.status === 400 || reply.status === 401 || reply.status === 403;
  if (refused) return failureOf({ ...reply, status: reply.status === 400 ? 401 : reply.status }, subject, now);
  // A 404 here says nothing about an image.
  if (reply.status === 404) return new RegistryError('Unavailable', `${name(subject)}: the token endpoint does not exist (404)`);
  if (reply.status >= 300 && reply.status < 400) return new RegistryError('Unavailable', `${name(subject)}: the token endpoint redirects, which is not followed`);
  return failureOf({ ...reply, elsewhere }, subject, now);
}

/** The value of `promise`, or the signal's reason when that comes first. */
function raced<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason as Error);
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
