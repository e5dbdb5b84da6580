import type { LogLevel } from '../../src/telemetry/log-settings.ts';
import type { Fields, Log } from '../../src/telemetry/log.ts';

/** A line as it was handed to the log, before any formatting. */
export interface Line {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Fields;
}

/** A log that remembers its lines. */
export function recordedLog(lines: Line[] = [], bound: Fields = {}): Log & { readonly lines: Line[] } {
  const write =
    (level: LogLevel) =>
    (message: string, fields: Fields = {}): void => {
      lines.push({ level, message, fields: { ...bound, ...fields } });
    };
  return {
    lines,
    error: write('error'),
    warn: write('warn'),
    info: write('info'),
    debug: write('debug'),
    child: (fields) => recordedLog(lines, { ...bound, ...fields }),
  };
}
