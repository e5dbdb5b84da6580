import type { Readable } from 'node:stream';
import type { Clock, Timer } from '../base/clock.ts';
import { ApiError, errorFromStatus } from './api-error.ts';
import type { StatusBody } from './api-error.ts';
import { failureOf } from './exchange.ts';
import type { KubeObject } from './object.ts';

/** One event of a watch. A BOOKMARK carries nothing but a resource version; an ERROR ends the watch and is not handed on. */
export interface WatchEvent<T extends KubeObject = KubeObject> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

/** How a watch is read. */
export interface WatchReading {
  readonly clock: Clock;
  readonly what: string;
  readonly host: string;
  /** Nothing came for this long: the watch fails with `Timeout`; milliseconds. */
  readonly inactivity: number;
  readonly signal: AbortSignal;
  /** Cap on the bytes of one event. Default 8 MiB: the server stores at most 3 MiB, and escaping may double that. */
  readonly maxEventBytes?: number;
}

/**
 * Reads newline-separated events until the body ends. Throws ApiError `BadResponse` for a frame that is no event (cut off,
 * no JSON, no object), the ERROR's own code for an ERROR, `Timeout` when the stream fell silent, `Unreachable` when it broke.
 */
export async function readWatch<T extends KubeObject>(body: Readable, reading: WatchReading, onEvent: (event: WatchEvent<T>) => void): Promise<void> {
  const watchdog = startWatchdog(body, reading);
  const lines = new LineSplitter(reading.maxEventBytes ?? 8 * 1024 * 1024, reading.what);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      watchdog.alive();
      lines.push(chunk, (line) => onEvent(eventIn<T>(line, reading.what)));
    }
  } catch (error) {
    throw watchdog.expired() ?? failureOf(error, reading.what, reading.host, reading.signal);
  } finally {
    watchdog.stop();
  }
  if (lines.pending > 0) throw new ApiError('BadResponse', `${reading.what}: the last event is cut off after ${lines.pending} bytes`);
}

interface Watchdog {
  alive(): void;
  expired(): ApiError | undefined;
  stop(): void;
}

function startWatchdog(body: Readable, reading: WatchReading): Watchdog {
  let last = reading.clock.now();
  let failure: ApiError | undefined;
  let timer: Timer;
  const arm = (wait: number): void => {
    timer = reading.clock.after(wait, () => {
      const left = last + reading.inactivity - reading.clock.now();
      if (left > 0) return arm(left);
      failure = new ApiError('Timeout', `${reading.what}: nothing came for ${reading.inactivity / 1000} s`);
      body.destroy(failure);
    });
  };
  arm(reading.inactivity);
  return {
    alive: () => {
      last = reading.clock.now();
    },
    expired: () => failure,
    stop: () => timer.cancel(),
  };
}

const TYPES = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK']);

function eventIn<T extends KubeObject>(line: string, what: string): WatchEvent<T> {
  let frame: { type?: unknown; object?: Partial<KubeObject> & StatusBody };
  try {
    frame = JSON.parse(line) as typeof frame;
  } catch (error) {
    throw new ApiError('BadResponse', `${what}: an event is not JSON`, { cause: error });
  }
  if (frame?.type === 'ERROR') throw errorIn(frame.object ?? {}, what);
  const metadata = frame?.object?.metadata;
  if (typeof frame?.type !== 'string' || !TYPES.has(frame.type) || typeof metadata?.resourceVersion !== 'string') {
    throw new ApiError('BadResponse', `${what}: an event has no type or no object with a resource version`);
  }
  if (frame.type !== 'BOOKMARK' && typeof metadata.name !== 'string') throw new ApiError('BadResponse', `${what}: an event's object has no name`);
  return frame as unknown as WatchEvent<T>;
}

function errorIn(status: StatusBody, what: string): ApiError {
  return errorFromStatus(what, typeof status.code === 'number' ? status.code : 500, status);
}

/** Cuts a byte stream at line feeds; a line is decoded once it is whole, so that no character is cut in two. */
class LineSplitter {
  readonly #limit: number;
  readonly #what: string;
  #parts: Buffer[] = [];
  pending = 0;

  constructor(limit: number, what: string) {
    this.#limit = limit;
    this.#what = what;
  }

  push(chunk: Buffer, onLine: (line: string) => void): void {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      const line = this.#take(chunk.subarray(start, end));
      start = end + 1;
      if (line.trim() !== '') onLine(line);
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  #take(tail: Buffer): string {
    if (this.#parts.length === 0 && tail.length <= this.#limit) return tail.toString('utf8');
    this.#keep(tail);
    const line = Buffer.concat(this.#parts, this.pending).toString('utf8');
    this.#parts = [];
    this.pending = 0;
    return line;
  }

  #keep(part: Buffer): void {
    this.pending += part.length;
    if (this.pending > this.#limit) throw new ApiError('TooLarge', `${this.#what}: an event is larger than ${this.#limit} bytes`);
    this.#parts.push(part);
  }
}
