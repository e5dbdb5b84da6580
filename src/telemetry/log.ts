import winston from 'winston';
import type { Clock } from '../base/clock.ts';
import type { LogFormat, LogLevel } from './log-settings.ts';
import { plain } from './redact.ts';

export type Fields = Readonly<Record<string, unknown>>;

/**
 * Messages are constants and everything that varies is a field, so that lines can be counted and searched. Fields are
 * made safe first (`redact.ts`); `error` takes whatever was thrown.
 */
export interface Log {
  /** Something that a person must look at. */
  error(message: string, fields?: Fields): void;
  /** Something that goes on working but should not stay so. */
  warn(message: string, fields?: Fields): void;
  /** What changed: a few lines an hour when nothing happens. */
  info(message: string, fields?: Fields): void;
  /** Each step, for whoever looks for a fault. */
  debug(message: string, fields?: Fields): void;
  /** The same log with these fields in each line. */
  child(fields: Fields): Log;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly clock: Clock;
  /** Where lines go: standard error, in the operator. */
  readonly stream: NodeJS.WritableStream;
}

const BARE = /^[\w./:@+-]+$/;

function asText(value: unknown): string {
  if (typeof value === 'string') return BARE.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value) ?? 'undefined';
}

function textLine(info: winston.Logform.TransformableInfo): string {
  const { level, message, time, ...fields } = info;
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${asText(value)}`);
  return `${String(time)} ${level.toUpperCase().padEnd(5)} ${String(message)}${rest.join('')}`;
}

function jsonLine(info: winston.Logform.TransformableInfo): string {
  const { level, message, time, ...fields } = info;
  return JSON.stringify({ time, level, message, ...fields });
}

/** Fields named like a part of the line itself must neither replace it nor get lost. */
function withoutReserved(fields: Record<string, unknown>): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    result[name === 'time' || name === 'level' || name === 'message' ? `${name}_` : name] = value;
  }
  return result;
}

/** A log that writes lines of this format, from this level on, to `stream`; a stream that fails never ends the process. */
export function createLog(options: LogOptions): Log {
  const line = options.format === 'json' ? jsonLine : textLine;
  const transport = new winston.transports.Stream({ stream: options.stream, eol: '\n' });
  const logger = winston.createLogger({
    level: options.level,
    levels: { error: 0, warn: 1, info: 2, debug: 3 },
    format: winston.format.printf(line),
    transports: [transport],
  });
  // Whoever reads our log may go away (EPIPE); verifying images must go on.
  options.stream.on('error', () => undefined);
  return wrap(logger, options.clock, {});
}

function wrap(logger: winston.Logger, clock: Clock, bound: Fields): Log {
  const write = (level: LogLevel, message: string, fields: Fields): void => {
    if (!logger.isLevelEnabled(level)) return;
    const safe = withoutReserved(plain({ ...bound, ...fields }) as Record<string, unknown>);
    logger.log({ ...safe, level, message, time: new Date(clock.now()).toISOString() });
  };
  return {
    error: (message, fields = {}) => write('error', message, fields),
    warn: (message, fields = {}) => write('warn', message, fields),
    info: (message, fields = {}) => write('info', message, fields),
    debug: (message, fields = {}) => write('debug', message, fields),
    child: (fields) => wrap(logger, clock, { ...bound, ...fields }),
  };
}
