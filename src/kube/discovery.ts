import { backoff, RELIST_BACKOFF } from '../base/backoff.ts';
import { type Clock, sleep } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { isNotFound } from './api-error.ts';
import type { KubeClient } from './client.ts';
import { abortable } from './exchange.ts';
import { type FailureCode, failureCode } from './recovery.ts';
import { type Availability, type Catalog, type GroupVersion, isInDoubt, lookUp, mergeCatalog, type OptionalResource, parseAggregated, parseGroups, parseResources } from './served.ts';

/** Why the API server does not say what it serves; it is asked again. */
export interface DiscoveryProblem {
  readonly code: FailureCode;
  readonly message: string;
  /** When it began; milliseconds since the epoch. */
  readonly since: number;
}

export interface DiscoveryOptions {
  readonly client: Pick<KubeClient, 'getDocument' | 'getPath'>;
  readonly clock: Clock;
  /** The groups of interest; of others nothing is kept. */
  readonly groups: ReadonlySet<string>;
  /** Time between two questions; milliseconds. Default 30 s, a tenth more or less. */
  readonly interval?: number;
  readonly random?: () => number;
  /** A problem began, changed its code, or ended (undefined). */
  readonly onProblem?: (problem: DiscoveryProblem | undefined) => void;
}

const PATH = '/apis';
const ACCEPT = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json';
const INTERVAL = 30_000;
const MAX_BYTES = 32 * 1024 * 1024;
/** How soon it is asked again after an answer that left out what was there before. */
const DOUBT = 1000;

/**
 * What the API server serves at this moment, of a few groups: asked at the start and twice a minute, at the price of one
 * request that is answered with "unchanged". An outage, of all or of the server of one group, leaves what was known.
 */
export class Discovery {
  readonly #options: DiscoveryOptions;
  readonly #handlers = new Set<() => void>();
  readonly #stopping = new AbortController();
  readonly #first = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;
  #catalog: Catalog = new Map();
  #known = false;
  #answer: { readonly etag?: string; readonly catalog: Catalog } | undefined;
  #problem: DiscoveryProblem | undefined;
  #failures = 0;
  #hurry: (() => void) | undefined;

  constructor(options: DiscoveryOptions) {
    this.#options = options;
    this.#first.promise.catch(() => undefined);
  }

  /** Whether the API server has answered since the start. */
  get known(): boolean {
    return this.#known;
  }

  get problem(): DiscoveryProblem | undefined {
    return this.#problem;
  }

  /** Whether a resource is served; of one in a group that is not of interest nothing is known. */
  find(wanted: OptionalResource): Availability {
    return lookUp(this.#catalog, wanted);
  }

  /** Calls `handler` after each answer. Returns how to end that. */
  subscribe(handler: () => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /** Resolves after the first answer; rejects with the signal's reason. */
  whenKnown(signal: AbortSignal): Promise<void> {
    return abortable(this.#first.promise, signal);
  }

  /** Asks at once: something does not fit what is known. Does nothing while it is not known whether that helps (after a failure). */
  refresh(): void {
    if (this.#failures === 0) this.#hurry?.();
  }

  /** Begins to ask. Once only. */
  start(): void {
    if (this.#running !== undefined) throw new Error('discovery was started already');
    this.#running = this.#run(this.#stopping.signal);
  }

  /** Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    const reason = new Error('discovery was stopped');
    this.#first.reject(reason);
    this.#stopping.abort(reason);
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let wait: number;
      try {
        await this.#ask(signal);
        wait = this.#settled();
      } catch (error) {
        if (signal.aborted) return;
        wait = this.#failed(error);
      }
      await this.#pause(wait, signal);
    }
  }

  /** Ends early when somebody is in a hurry. */
  async #pause(wait: number, signal: AbortSignal): Promise<void> {
    const hurry = new AbortController();
    this.#hurry = () => hurry.abort();
    await sleep(this.#options.clock, wait, AbortSignal.any([signal, hurry.signal])).catch(() => undefined);
    this.#hurry = undefined;
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { client, groups } = this.#options;
    const etag = this.#answer?.etag;
    const answer = await client.getDocument(PATH, { accept: ACCEPT, signal, maxBytes: MAX_BYTES, ...(etag === undefined ? {} : { etag }) });
    if (answer.unchanged) return;
    const catalog = parseAggregated(answer.content, groups);
    if (catalog === undefined) this.#answer = { catalog: await this.#askEach(answer.content, signal) };
    else this.#answer = { catalog, ...(answer.etag === undefined ? {} : { etag: answer.etag }) };
  }

  /** Group version by group version, of a server that does not speak aggregated discovery (Kubernetes before 1.26). */
  async #askEach(document: unknown, signal: AbortSignal): Promise<Catalog> {
    const catalog = new Map<string, GroupVersion>();
    for (const { group, version } of parseGroups(document, this.#options.groups)) {
      const found = await this.#askOne(group, version, signal);
      if (found !== undefined) catalog.set(`${group}/${version}`, found);
    }
    return catalog;
  }

  async #askOne(group: string, version: string, signal: AbortSignal): Promise<GroupVersion | undefined> {
    try {
      return parseResources(await this.#options.client.getPath(`${PATH}/${group}/${version}`, { signal, maxBytes: MAX_BYTES }), group, version);
    } catch (error) {
      signal.throwIfAborted();
      // Deleted since the groups were listed; anything else is a server that does not answer.
      return isNotFound(error) ? undefined : { state: 'unavailable' };
    }
  }

  /** Takes the last answer in, which may be the one before once more, and returns how long to wait; milliseconds. */
  #settled(): number {
    const { interval = INTERVAL, random = Math.random } = this.#options;
    this.#failures = 0;
    this.#setProblem(undefined);
    if (this.#answer !== undefined) this.#catalog = mergeCatalog(this.#catalog, this.#answer.catalog);
    this.#known = true;
    this.#first.resolve();
    for (const handler of this.#handlers) handler();
    return isInDoubt(this.#catalog) ? Math.min(DOUBT, interval) : interval * (0.9 + 0.2 * random());
  }

  #failed(error: unknown): number {
    const { clock, interval = INTERVAL, random = Math.random } = this.#options;
    this.#setProblem({ code: failureCode(error), message: messageOf(error, 1024), since: clock.now() });
    const wait = Math.min(interval, backoff(RELIST_BACKOFF, this.#failures, random));
    this.#failures += 1;
    return wait;
  }

  #setProblem(problem: DiscoveryProblem | undefined): void {
    const before = this.#problem;
    const goesOn = before !== undefined && before.code === problem?.code;
    this.#problem = goesOn ? { ...problem, since: before.since } : problem;
    if (!goesOn && before !== problem) this.#options.onProblem?.(problem);
  }
}
