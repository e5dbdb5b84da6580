import type { Instruments } from './instruments.ts';

/** Where the operator's own trust root comes from. */
export const TRUST_ORIGINS = ['file', 'embedded', 'refreshed', 'none'] as const;
export type TrustOrigin = (typeof TRUST_ORIGINS)[number];

/** What became of an attempt to refresh it; the failures are the codes of `TrustRefreshError`. */
export const TRUST_RESULTS = ['ok', 'Unreachable', 'Rejected', 'Backwards', 'Unusable', 'Disk'] as const;
export type TrustResult = (typeof TRUST_RESULTS)[number];

/** What is counted of the operator's own trust root. */
export interface TrustObserver {
  attempt(result: TrustResult): void;
  origin(origin: TrustOrigin): void;
  /** Milliseconds since the epoch. */
  refreshed(trust: { readonly refreshedAt: number; readonly expires: number }): void;
}

/** All series from the start. */
export function initialiseTrust({ trust }: Instruments): void {
  for (const result of TRUST_RESULTS) trust.attempts.inc({ result }, 0);
  for (const origin of TRUST_ORIGINS) trust.origin.set({ origin }, 0);
  trust.refreshed.set(0);
  trust.expires.set(0);
}

export function trustObserver({ trust }: Instruments): TrustObserver {
  return {
    attempt: (result) => trust.attempts.inc({ result }),
    origin: (current) => {
      for (const origin of TRUST_ORIGINS) trust.origin.set({ origin }, origin === current ? 1 : 0);
    },
    refreshed: ({ refreshedAt, expires }) => {
      trust.refreshed.set(refreshedAt / 1000);
      trust.expires.set(expires / 1000);
    },
  };
}
