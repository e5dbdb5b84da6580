import type { Clock, Timer } from '../base/clock.ts';
import type { OperatorRoot } from '../controllers/policy-compiler.ts';
import { type DescribedTrust, trustSource } from '../signatures/trust-recipe.ts';
import type { TrustObserver } from '../telemetry/trust-series.ts';
import type { RefreshedTrust } from '../trust/types.ts';

export interface TrustStateOptions {
  readonly clock: Clock;
  readonly observer: TrustObserver;
  readonly mirror: string;
  /** Milliseconds since the last refresh after which nothing is judged by it. */
  readonly maxAge: number | undefined;
  /** What counts where nothing was refreshed; absent: nothing does. */
  readonly embedded: DescribedTrust | undefined;
}

/** What stands in for a root that cannot be used: no text is ever equal to it. */
const NOTHING = trustSource('TrustedRoot', '');

/** Which trust root counts now, by what was refreshed and by the clock. Tells whoever listens when that changes. */
export class TrustState {
  readonly #options: TrustStateOptions;
  readonly #listeners: (() => void)[] = [];
  #refreshed: { readonly root: DescribedTrust; readonly trust: RefreshedTrust } | undefined;
  #current: OperatorRoot;
  #timer: Timer | undefined;

  constructor(options: TrustStateOptions) {
    this.#options = options;
    this.#current = this.#now();
    this.#watch();
  }

  current(): OperatorRoot {
    return this.#current;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** This was refreshed, now or by a process before. */
  refreshed(root: DescribedTrust, trust: RefreshedTrust): void {
    this.#refreshed = { root, trust };
    this.#look();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#listeners.length = 0;
  }

  #look(): void {
    const next = this.#now();
    const changed = !isSame(next, this.#current);
    if (changed) this.#current = next;
    this.#watch();
    if (changed) for (const listener of this.#listeners) listener();
  }

  #now(): OperatorRoot {
    const { mirror, maxAge, embedded, clock } = this.#options;
    const now = clock.now();
    const { root = embedded, trust } = this.#refreshed ?? {};
    if (root === undefined) return unusable(`the trust root of the TUF mirror ${mirror} was never refreshed; see that it can be reached`, 'TrustRootUnavailable');
    if (maxAge !== undefined && now - (trust?.refreshedAt ?? 0) > maxAge) {
      const since = trust === undefined ? 'was never refreshed' : `was last refreshed at ${isoTime(trust.refreshedAt)}`;
      return unusable(`the operator's trust root ${since}, and --max-trust-age allows no more than ${maxAge / 3_600_000} h; see that the TUF mirror ${mirror} can be reached`, 'TrustRootExpired');
    }
    if (trust === undefined || now <= trust.expires) return root;
    return { ...root, note: `the operator's trust root was last refreshed at ${isoTime(trust.refreshedAt)} and what vouches for it ended at ${isoTime(trust.expires)}: it may be outdated` };
  }

  /** Looks again when time alone changes what counts. */
  #watch(): void {
    const { clock, maxAge, observer, embedded } = this.#options;
    const trust = this.#refreshed?.trust;
    observer.origin(trust !== undefined ? 'refreshed' : embedded === undefined ? 'none' : 'embedded');
    if (trust !== undefined) observer.refreshed(trust);
    this.#timer?.cancel();
    const moments = trust === undefined ? [] : [trust.expires + 1, ...(maxAge === undefined ? [] : [trust.refreshedAt + maxAge + 1])];
    const next = moments.filter((moment) => moment > clock.now()).toSorted((one, other) => one - other)[0];
    this.#timer = next === undefined ? undefined : clock.after(next - clock.now(), () => this.#look());
  }
}

function unusable(problem: string, reason: 'TrustRootUnavailable' | 'TrustRootExpired'): OperatorRoot {
  return { source: NOTHING, description: { problem, reason } };
}

function isSame(one: OperatorRoot, other: OperatorRoot): boolean {
  return one.source.hash === other.source.hash && problemOf(one) === problemOf(other) && one.note === other.note;
}

function problemOf({ description }: OperatorRoot): string | undefined {
  return 'problem' in description ? description.problem : undefined;
}

function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
