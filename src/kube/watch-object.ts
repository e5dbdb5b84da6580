import { RELIST_BACKOFF } from '../base/backoff.ts';
import type { BackoffOptions } from '../base/backoff.ts';
import { sleep } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { isNotFound } from './api-error.ts';
import type { KubeClient } from './client.ts';
import type { KubeObject, Resource } from './object.ts';
import { explainFailure, failureCode, isOlder, waitAfterFailure } from './recovery.ts';
import type { FailureCode } from './recovery.ts';
import type { WatchEvent } from './watch-stream.ts';

/** One namespaced object, by name. */
export interface WatchedRef {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
}

/** Why the object cannot be followed at the moment; it is tried again. */
export interface ObjectProblem {
  readonly code: FailureCode;
  readonly message: string;
}

/**
 * What is known of the object. `absent` is the API server's own answer, never the lack of one. With a `problem`, the rest
 * is the last that was known.
 */
export type ObjectState<O extends KubeObject> =
  | { readonly known: 'unknown'; readonly problem?: ObjectProblem }
  | { readonly known: 'absent'; readonly problem?: ObjectProblem }
  | { readonly known: 'present'; readonly object: O; readonly problem?: ObjectProblem };

export interface ObjectWatchOptions<O extends KubeObject> {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly ref: WatchedRef;
  /** Called within the stream: it must only enqueue. What it throws is lost. */
  readonly onChange: (state: ObjectState<O>) => void;
  readonly inactivity?: number;
  readonly backoff?: BackoffOptions;
  readonly random?: () => number;
}

/** Characters of one object as JSON: of all that are followed together there is room for some hundreds. */
const MAX_OBJECT = 512 * 1024;
const STABLE = 60_000;
const SHORT_WATCH = 1000;

/**
 * Follows one object by name with the verbs `get` and `watch` alone (RBAC can grant both for single names, `list` not).
 * A watch without a resource version begins with the object as it is, if it is there; the `get` beside it tells an
 * absent object from one that the server has not spoken of yet.
 */
export class ObjectWatch<O extends KubeObject> {
  readonly #options: ObjectWatchOptions<O>;
  readonly #stopping = new AbortController();
  #state: ObjectState<O> = { known: 'unknown' };
  #running: Promise<void> | undefined;
  #failures = 0;

  constructor(options: ObjectWatchOptions<O>) {
    this.#options = options;
  }

  get state(): ObjectState<O> {
    return this.#state;
  }

  /** Begins to watch. Once only. */
  start(): void {
    if (this.#running !== undefined) throw new Error(`the watch of ${this.#options.ref.name} was started already`);
    this.#running = this.#run(this.#stopping.signal);
  }

  /** Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the watch was stopped'));
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, backoff = RELIST_BACKOFF, random = Math.random } = this.#options;
    while (!signal.aborted) {
      const started = clock.now();
      let wait = 0;
      try {
        await this.#round(signal);
        if (clock.now() - started < SHORT_WATCH) wait = 400 + 400 * random();
      } catch (error) {
        if (signal.aborted) return;
        this.#set({ ...this.#state, problem: { code: failureCode(error), message: explainFailure(error, this.#options.ref.resource) } });
        wait = waitAfterFailure(error, this.#failures, backoff, random);
        this.#failures += 1;
      }
      if (clock.now() - started >= STABLE) this.#failures = 0;
      if (wait > 0) await sleep(clock, wait, signal).catch(() => undefined);
    }
  }

  /** One watch with its `get`; whichever fails ends both. */
  async #round(signal: AbortSignal): Promise<void> {
    const { client, ref, random = Math.random } = this.#options;
    const ending = new AbortController();
    const both = AbortSignal.any([signal, ending.signal]);
    let heard = false;
    let reading: Promise<void> | undefined;
    const options = {
      namespace: ref.namespace,
      fieldSelector: `metadata.name=${ref.name}`,
      timeoutSeconds: 300 + Math.floor(random() * 300),
      inactivity: this.#options.inactivity ?? 150_000,
      signal: both,
      onOpen: () => {
        // WARNING: only now: an object that was created between an earlier answer and the watch would stay "absent".
        reading = this.#read(both, () => heard).catch((error: unknown) => ending.abort(error));
      },
    };
    try {
      await client.watch<O>(ref.resource, options, (event) => {
        if (event.type === 'BOOKMARK') return;
        heard = true;
        this.#apply(event);
      });
    } finally {
      ending.abort(new Error('the watch ended'));
      await reading;
    }
  }

  async #read(signal: AbortSignal, heard: () => boolean): Promise<void> {
    const { client, ref } = this.#options;
    const found = await client.get<O>(ref.resource, ref, { signal }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
    // The watch is the later word where both have spoken.
    if (heard()) this.#set(withoutProblem(this.#state));
    else this.#set(found === undefined ? { known: 'absent' } : { known: 'present', object: found });
  }

  #apply(event: WatchEvent<O>): void {
    const held = this.#state.known === 'present' ? this.#state.object.metadata : undefined;
    const sameObject = held !== undefined && held.uid === event.object.metadata.uid;
    if (sameObject && isOlder(event.object.metadata.resourceVersion ?? '', held.resourceVersion)) return;
    this.#set(event.type === 'DELETED' ? { known: 'absent' } : { known: 'present', object: event.object });
  }

  #set(found: ObjectState<O>): void {
    const next = bounded(found);
    const before = this.#state;
    this.#state = next;
    if (sameState(before, next)) return;
    try {
      this.#options.onChange(next);
    } catch {
      // The callback's own affair; the watch must go on.
    }
  }
}

/** What is too large is not kept, and what was there before it does not count any more. */
function bounded<O extends KubeObject>(state: ObjectState<O>): ObjectState<O> {
  if (state.known !== 'present' || JSON.stringify(state.object).length <= MAX_OBJECT) return state;
  return { known: 'unknown', problem: { code: 'TooLarge', message: `it is larger than ${MAX_OBJECT} characters` } };
}

function withoutProblem<O extends KubeObject>(state: ObjectState<O>): ObjectState<O> {
  return state.known === 'present' ? { known: 'present', object: state.object } : state.problem?.code === 'TooLarge' ? state : { known: state.known };
}

function sameState<O extends KubeObject>(left: ObjectState<O>, right: ObjectState<O>): boolean {
  if (left.known !== right.known || left.problem?.code !== right.problem?.code) return false;
  if (left.known !== 'present' || right.known !== 'present') return true;
  return left.object.metadata.resourceVersion === right.object.metadata.resourceVersion;
}
