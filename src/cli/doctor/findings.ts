import type { CheckName, Finding, Outcome } from './types.ts';

/** Names that are told of many. */
const MAX_OBJECTS = 5;

/** A finding of one check. */
export type Say = (result: Outcome, what: string, todo?: string, objects?: readonly string[]) => Finding;

/** Makes the findings of a check. */
export function sayer(check: CheckName): Say {
  return (result, what, todo, objects = []) => ({
    check,
    result,
    what,
    ...(todo === undefined ? {} : { todo }),
    ...(objects.length === 0 ? {} : { objects: objects.slice(0, MAX_OBJECTS), count: objects.length }),
  });
}

/** `1 policy`, `3 policies`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** `2026-11-22 21:36 UTC`. */
export function dateText(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

const UNITS = [['d', 86_400_000], ['h', 3_600_000], ['m', 60_000], ['s', 1000]] as const;

/** A duration by its two largest units: `3d 4h`, `12s`. */
export function durationText(milliseconds: number): string {
  let rest = Math.abs(milliseconds);
  const parts = UNITS.flatMap(([unit, length]) => {
    const count = Math.floor(rest / length);
    rest -= count * length;
    return count === 0 ? [] : [`${count}${unit}`];
  });
  return parts.length === 0 ? '0s' : parts.slice(0, 2).join(' ');
}
