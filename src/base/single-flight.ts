interface Flight<Value> {
  readonly promise: Promise<Value>;
  readonly controller: AbortController;
  waiters: number;
}

/**
 * Joins concurrent calls for one key into one piece of work. Each waiter can leave through its own signal; the work
 * itself is aborted only when the last one has left. Nothing is remembered once it settled.
 */
export class SingleFlight<Value> {
  readonly #flights = new Map<string, Flight<Value>>();

  /** How many keys are in flight. */
  get size(): number {
    return this.#flights.size;
  }

  /** Runs `work` for `key`, or joins the run that is under way. Rejects with the signal's reason when the waiter leaves. */
  run(key: string, work: (signal: AbortSignal) => Promise<Value>, signal?: AbortSignal): Promise<Value> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const flight = this.#flights.get(key) ?? this.#start(key, work);
    flight.waiters += 1;
    return this.#wait(key, flight, signal);
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<Value>): Flight<Value> {
    const controller = new AbortController();
    const promise = (async () => work(controller.signal))();
    const flight: Flight<Value> = { promise, controller, waiters: 0 };
    this.#flights.set(key, flight);
    const settle = (): void => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    promise.then(settle, settle);
    return flight;
  }

  #wait(key: string, flight: Flight<Value>, signal: AbortSignal | undefined): Promise<Value> {
    if (signal === undefined) return flight.promise;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        flight.waiters -= 1;
        if (flight.waiters === 0) {
          // The next caller must start afresh rather than join work that is being torn down.
          if (this.#flights.get(key) === flight) this.#flights.delete(key);
          flight.controller.abort(signal.reason);
        }
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', leave, { once: true });
      flight.promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
    });
  }
}
