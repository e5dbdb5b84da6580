import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Clock } from '../base/clock.ts';
import { Lru } from '../base/lru.ts';
import { printable } from '../base/text.ts';
import { isNotFound } from './api-error.ts';
import type { KubeClient } from './client.ts';
import { TokenBuckets, clip, microTime } from './event-limits.ts';
import type { EventRate } from './event-limits.ts';
import { abortable } from './exchange.ts';
import type { Resource } from './object.ts';

const EVENTS: Resource = { group: 'events.k8s.io', version: 'v1', plural: 'events', kind: 'Event', namespaced: true };

/** The object that an event is about; without a namespace it is cluster-scoped. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
}

export interface EventInput {
  readonly type: 'Normal' | 'Warning';
  /** One word in CamelCase, from a closed set. */
  readonly reason: string;
  /** What was being done: `Verify`, `Pin`. */
  readonly action: string;
  /** The sentence; cut at 1 kB. */
  readonly note: string;
  readonly regarding: EventSubject;
  readonly related?: EventSubject;
}

export interface EventRecorderHooks {
  onWritten?(type: EventInput['type']): void;
  /** Not written: the object's rate or the queue is used up. */
  onDropped?(why: 'rate' | 'queue'): void;
  /** The API server refused it or was not reached; the event is lost. */
  onError?(error: unknown): void;
}

export interface EventRecorderOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly hooks?: EventRecorderHooks;
  /** Default `assay.dev/operator`. */
  readonly controller?: string;
  /** Default: the host name, which is the pod's name. */
  readonly instance?: string;
  /** Default: 25 at once, then one in 5 minutes, per object. */
  readonly rate?: EventRate;
}

/** Writes events; what goes wrong is told to the hooks and never to the caller. */
export interface EventRecorder {
  /** Returns at once. The same (object, reason, note) again counts up the event that is there (its `series`). */
  record(event: EventInput): void;
  /** Resolves when nothing waits to be written, or rejects with the signal's reason. */
  flush(signal: AbortSignal): Promise<void>;
  /** Drops what waits and resolves when nothing runs any more. */
  stop(): Promise<void>;
}

interface Entry {
  readonly input: EventInput;
  readonly first: number;
  last: number;
  count: number;
  /** The name of the object in the API, once it is there. */
  name: string | undefined;
}

const MAX_REMEMBERED = 4096;
const MAX_WAITING = 1000;
const MAX_NOTE_BYTES = 1024;
const WRITE_DEADLINE = 10_000;
const DEFAULT_RATE: EventRate = { burst: 25, refill: 300_000 };

/** An event recorder for events.k8s.io/v1. It needs the verbs `create` and `patch` on events there. */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new ApiEventRecorder(options);
}

class ApiEventRecorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #seen = new Lru<Entry>(MAX_REMEMBERED);
  readonly #buckets: TokenBuckets;
  readonly #waiting = new Map<string, Entry>();
  readonly #stopping = new AbortController();
  readonly #run = randomBytes(3).toString('hex');
  #sequence = 0;
  #writing: Promise<void> | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#buckets = new TokenBuckets(options.rate ?? DEFAULT_RATE, MAX_REMEMBERED);
  }

  record(event: EventInput): void {
    if (this.#stopping.signal.aborted) return;
    const now = this.#options.clock.now();
    const subject = subjectKey(event.regarding);
    const key = JSON.stringify([subject, event.reason, event.note]);
    const entry = this.#remember(key, event, now);
    // What waits is written with the count that it has then.
    if (this.#waiting.has(key)) return;
    if (!this.#buckets.take(subject, now)) return this.#tell((hooks) => hooks.onDropped?.('rate'));
    if (this.#waiting.size >= MAX_WAITING) return this.#tell((hooks) => hooks.onDropped?.('queue'));
    this.#waiting.set(key, entry);
    this.#writing ??= this.#write();
  }

  async flush(signal: AbortSignal): Promise<void> {
    while (this.#writing !== undefined) await abortable(this.#writing, signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the event recorder was stopped'));
    this.#waiting.clear();
    await this.#writing;
  }

  #remember(key: string, input: EventInput, now: number): Entry {
    const known = this.#seen.get(key, now);
    if (known !== undefined) {
      known.count += 1;
      known.last = now;
      return known;
    }
    const entry: Entry = { input, first: now, last: now, count: 1, name: undefined };
    this.#seen.set(key, entry, 1);
    return entry;
  }

  async #write(): Promise<void> {
    for (const [key, entry] of this.#waiting) {
      // First, so that a repetition that comes during the call waits for the next turn.
      this.#waiting.delete(key);
      try {
        await this.#send(entry);
        this.#tell((hooks) => hooks.onWritten?.(entry.input.type));
      } catch (error) {
        if (!this.#stopping.signal.aborted) this.#tell((hooks) => hooks.onError?.(error));
      }
    }
    this.#writing = undefined;
  }

  async #send(entry: Entry): Promise<void> {
    if (entry.name === undefined) return this.#create(entry);
    try {
      const body = { series: { count: entry.count, lastObservedTime: microTime(entry.last) } };
      const ref = { namespace: namespaceOf(entry.input.regarding), name: entry.name };
      await this.#options.client.patch(EVENTS, ref, { type: 'merge', body }, this.#call());
    } catch (error) {
      // The API server forgets events after an hour.
      if (!isNotFound(error)) throw error;
      await this.#create(entry);
    }
  }

  async #create(entry: Entry): Promise<void> {
    this.#sequence += 1;
    const name = eventName(entry.input.regarding.name, `${this.#run}${entry.last.toString(16)}${this.#sequence.toString(16)}`);
    const body = eventBody(entry, name, this.#options.controller ?? 'assay.dev/operator', this.#options.instance ?? hostname());
    await this.#options.client.create(EVENTS, namespaceOf(entry.input.regarding), body, this.#call());
    entry.name = name;
  }

  #tell(hook: (hooks: EventRecorderHooks) => void): void {
    try {
      hook(this.#options.hooks ?? {});
    } catch {
      // An event is never worth the failure of what caused it.
    }
  }

  #call(): { signal: AbortSignal; deadline: number } {
    return { signal: this.#stopping.signal, deadline: WRITE_DEADLINE };
  }
}

function subjectKey(subject: EventSubject): string {
  return subject.uid ?? `${subject.kind}/${subject.namespace ?? ''}/${subject.name}`;
}

/** The events of cluster-scoped objects are kept in `default` (events.k8s.io validation asks for it). */
function namespaceOf(subject: EventSubject): string {
  return subject.namespace ?? 'default';
}

/** Unique, and a DNS subdomain of at most 253 characters whatever the object is called. */
function eventName(subject: string, unique: string): string {
  const stem = subject.toLowerCase().replaceAll(/[^a-z0-9.-]/g, '-').slice(0, 200).replace(/[.-]+$/, '');
  return `${stem === '' ? 'object' : stem}.${unique}`;
}

function eventBody(entry: Entry, name: string, controller: string, instance: string): Record<string, unknown> {
  const { input, first, last, count } = entry;
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace: namespaceOf(input.regarding) },
    eventTime: microTime(first),
    type: input.type,
    reason: input.reason,
    action: input.action,
    note: clip(printable(input.note), MAX_NOTE_BYTES),
    regarding: input.regarding,
    ...(input.related === undefined ? {} : { related: input.related }),
    reportingController: controller,
    reportingInstance: clip(instance, 128),
    ...(count < 2 ? {} : { series: { count, lastObservedTime: microTime(last) } }),
  };
}
