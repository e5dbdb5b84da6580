/** What a duration of the API looks like, for messages. */
export const DURATION_FORM = 'a duration such as 30s, 10m, 24h, 7d or 1h30m';

const DURATION = /^(?:(\d{1,5})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?$/;
const UNITS = [86_400_000, 3_600_000, 60_000, 1000] as const;

/** Reads `24h`, `10m`, `7d`, `1h30m` (days, hours, minutes, seconds, in this order) as milliseconds; `undefined` for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = text === '' ? null : DURATION.exec(text);
  if (match === null) return undefined;
  return UNITS.reduce((sum, unit, index) => sum + Number(match[index + 1] ?? 0) * unit, 0);
}

/** Writes milliseconds in the form that {@link parseDuration} reads, without fractions of a second. */
export function formatDuration(milliseconds: number): string {
  let rest = Math.max(0, Math.round(milliseconds / 1000)) * 1000;
  let text = '';
  for (const [index, unit] of UNITS.entries()) {
    const count = Math.floor(rest / unit);
    if (count > 0) text += `${count}${'dhms'[index]}`;
    rest -= count * unit;
  }
  return text === '' ? '0s' : text;
}
