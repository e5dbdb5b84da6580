import { deadline } from '../base/abort.ts';
import type { Clock } from '../base/clock.ts';
import { Lru } from '../base/lru.ts';

import type { AddressKind } from './address.ts';
import type { Authenticator, Authorization, Session } from './auth.ts';
import { failureOf, isRegistrysOwn, name, type Subject } from './failures.ts';
import { header } from './headers.ts';
import { endpointOf, type Endpoint, type HostRules, type Scheme } from './hosts.ts';
import type { Reply, Sender } from './sender.ts';
import { firstReach, judgeStep } from './steps.ts';
import { TransportError, type Transport } from './transport.ts';
import { RegistryError, type Keychain, type RequestKind } from './types.ts';

/** One question to a registry. */
export interface Question {
  readonly kind: RequestKind;
  readonly method: 'GET' | 'HEAD';
  /** Path and query at the registry, or an absolute URL of the registry's own origin. */
  readonly path: string;
  readonly accept: string;
  readonly limit: number;
  readonly subject: Subject;
  readonly keychain: Keychain;
  readonly signal: AbortSignal;
}

/** The answer after authentication and redirects. */
export interface RegistryReply extends Reply {
  /** The registry's own origin, which was asked first. */
  readonly origin: string;
  /** The host that answered, where it is not the registry. */
  readonly elsewhere?: string | undefined;
  readonly note?: string | undefined;
}

export interface RequesterOptions {
  readonly clock: Clock;
  readonly rules: HostRules;
  readonly userAgent: string;
  /** TLS certificates are not verified. */
  readonly insecure: boolean;
  /** Milliseconds to find out whether a host that may be spoken to by http speaks TLS. */
  readonly probeTimeout: number;
}

const PING_LIMIT = 64 * 1024;
const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const SCHEME_AGE = 600_000;
const ALIVE_AGE = 60_000;
const GREETING_TIMEOUT = 500;

/** Asks registries: finds out how each is spoken to, authenticates, follows redirects by hand. */
export class Requester {
  readonly #sender: Sender;
  readonly #authenticator: Authenticator;
  readonly #transport: Transport;
  readonly #options: RequesterOptions;
  readonly #schemes = new Lru<Scheme>(1024);
  readonly #alive = new Lru<true>(1024);

  constructor(sender: Sender, authenticator: Authenticator, transport: Transport, options: RequesterOptions) {
    this.#sender = sender;
    this.#authenticator = authenticator;
    this.#transport = transport;
    this.#options = options;
  }

  /** The final answer, whatever its status. Throws {@link RegistryError} or the signal's reason where there was none. */
  async ask(question: Question): Promise<RegistryReply> {
    const endpoint = endpointOf(question.subject.repository.host, this.#options.rules);
    const origin = await this.#origin(endpoint, question);
    if (await this.#authenticator.needsPing(this.#session(question, endpoint, origin))) await this.#learnByPing(question, endpoint, origin);
    let sent = await this.#authenticator.authorize(this.#session(question, endpoint, origin));
    let reply = await this.#follow(question, endpoint, origin, sent);
    if (reply.status === 401 && reply.elsewhere === undefined) {
      const session = this.#session(question, endpoint, origin, reply.zone);
      if (this.#authenticator.learn(session, reply.status, reply.headers, sent)) {
        const first = sent;
        sent = await this.#authenticator.authorize(session);
        if (sent.value !== undefined && sent.value !== first.value) reply = await this.#follow(question, endpoint, origin, sent);
      }
    }
    return { ...reply, note: sent.note };
  }

  /** The answer if it is a 200; throws what any other status means, a 404 only as `NotFound` if the registry itself said so. */
  async expect(question: Question): Promise<RegistryReply> {
    const reply = await this.ask(question);
    if (reply.status === 200) return reply;
    throw await this.failure(question, reply);
  }

  /** What an answer other than 200 means. */
  async failure(question: Question, reply: RegistryReply): Promise<RegistryError> {
    const { subject } = question;
    if (reply.status === 404 && !isRegistrysOwn(reply) && !(await this.#isAlive(question, reply.origin))) {
      return new RegistryError('Unavailable', `${name(subject)}: the answer was 404, as to /v2/: no registry is there now`);
    }
    const request = `${question.method} ${reply.origin}${question.path}`;
    return failureOf({ ...reply, request }, subject, this.#options.clock.now());
  }

  #session(question: Question, endpoint: Endpoint, origin: string, zone?: AddressKind): Session {
    const { subject, keychain, signal } = question;
    const verified = origin.startsWith('https:') && !this.#options.insecure;
    return { endpoint, home: { url: new URL(origin), zone }, verified, subject, keychain, signal };
  }

  async #follow(question: Question, endpoint: Endpoint, origin: string, authorization: Authorization): Promise<RegistryReply> {
    let url = new URL(question.path, origin);
    let reach = firstReach(endpoint);
    let carried = authorization.value;
    for (let hop = 0; ; hop += 1) {
      const own = url.origin === origin;
      const reply = await this.#sender.send({
        ...question, url, reach, trust: own ? 'own' : 'other', headers: this.#headers(question, own ? carried : undefined),
      });
      if (!REDIRECTS.has(reply.status)) return { ...reply, origin, elsewhere: own ? undefined : url.host };
      if (hop === MAX_REDIRECTS) throw new RegistryError('Unavailable', `${name(question.subject)}: more than ${MAX_REDIRECTS} redirects`);
      const next = URL.parse(header(reply.headers, 'location') ?? '', url.href);
      if (next === null || header(reply.headers, 'location') === undefined) {
        throw new RegistryError('Unavailable', `${name(question.subject)}: ${url.host} redirects without saying where to`);
      }
      const step = judgeStep(endpoint, { url, zone: reply.zone }, next, this.#options.rules);
      if ('refused' in step) throw new RegistryError('Forbidden', `${name(question.subject)}: a redirect to ${next.host} was not followed: ${step.refused}`);
      // Once we were sent elsewhere, nobody there can send the credentials back to work for them.
      if (next.origin !== origin) carried = undefined;
      ({ reach } = step);
      url = next;
      url.hash = '';
    }
  }

  #headers(question: Question, authorization: string | undefined): Record<string, string> {
    return {
      accept: question.accept,
      'accept-encoding': 'identity',
      'user-agent': this.#options.userAgent,
      ...(authorization === undefined ? {} : { authorization }),
    };
  }

  /** `https://host` or, where both are allowed, what is spoken there. */
  async #origin(endpoint: Endpoint, question: Question): Promise<string> {
    const [preferred = 'https', other] = endpoint.schemes;
    if (other === undefined) return new URL(`${preferred}://${endpoint.authority}`).origin;
    const now = this.#options.clock.now();
    let scheme = this.#schemes.get(endpoint.authority, now);
    if (scheme === undefined) {
      scheme = (await this.#speaks(endpoint, `${preferred}://${endpoint.authority}`, question)) ? preferred : other;
      this.#schemes.set(endpoint.authority, scheme, 1, now + SCHEME_AGE);
    }
    return new URL(`${scheme}://${endpoint.authority}`).origin;
  }

  async #speaks(endpoint: Endpoint, origin: string, question: Question): Promise<boolean> {
    if (await this.#isPlain(endpoint, new URL(origin), question)) return false;
    const probe = deadline(this.#options.clock, this.#options.probeTimeout, `TLS to ${endpoint.host}`, question.signal);
    try {
      await this.#ping({ ...question, signal: probe.signal }, endpoint, new URL(origin).origin);
      return true;
    } catch (thrown) {
      question.signal.throwIfAborted();
      // A certificate that is not trusted is no reason to go on without any.
      return thrown instanceof TransportError && thrown.code === 'certificate';
    } finally {
      probe.cancel();
    }
  }

  /** What is asked first, because it is cheaper; where it says nothing, TLS itself is tried. */
  async #isPlain(endpoint: Endpoint, origin: URL, question: Question): Promise<boolean> {
    const limit = deadline(this.#options.clock, GREETING_TIMEOUT, `a greeting to ${endpoint.host}`, question.signal);
    try {
      return await this.#transport.isPlain(origin, firstReach(endpoint), limit.signal);
    } catch (thrown) {
      // TLS will meet the same fault.
      if (!(thrown instanceof TransportError)) throw thrown;
      return false;
    } finally {
      limit.cancel();
    }
  }

  /** `GET /v2/`, once, unauthenticated. */
  async #ping(question: Question, endpoint: Endpoint, origin: string): Promise<Reply> {
    return this.#sender.once({
      kind: 'ping', method: 'GET', url: new URL('/v2/', origin), headers: this.#headers(question, undefined), reach: firstReach(endpoint),
      trust: 'own', limit: PING_LIMIT, subject: question.subject, signal: question.signal,
    });
  }

  async #learnByPing(question: Question, endpoint: Endpoint, origin: string): Promise<void> {
    try {
      const { status, headers, zone } = await this.#ping(question, endpoint, origin);
      if (status === 200 || status === 401) this.#authenticator.learn(this.#session(question, endpoint, origin, zone), status, headers, {});
    } catch (thrown) {
      // The question itself will meet the same fault and say so in its own words.
      if (!(thrown instanceof TransportError || thrown instanceof RegistryError)) throw thrown;
    }
  }

  async #isAlive(question: Question, origin: string): Promise<boolean> {
    const now = this.#options.clock.now();
    if (this.#alive.get(origin, now) !== undefined) return true;
    const endpoint = endpointOf(question.subject.repository.host, this.#options.rules);
    try {
      const { status } = await this.#ping(question, endpoint, origin);
      if (status !== 200 && status !== 401) return false;
      this.#alive.set(origin, true, 1, now + ALIVE_AGE);
      return true;
    } catch (thrown) {
      if (!(thrown instanceof TransportError || thrown instanceof RegistryError)) throw thrown;
      return false;
    }
  }
}
