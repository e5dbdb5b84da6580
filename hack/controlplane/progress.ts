/** Tells a person what takes long and how far it is; everything goes to one stream (stderr), never to a program's output. */
export interface Progress {
  /** What is going on now. `detail` may change often; `what` names the step. */
  step(what: string, detail?: string): void;
  /** A line that stays. */
  say(line: string): void;
  /** Ends the step: a line that is being rewritten is taken away. */
  clear(): void;
}

/** How often a stream that is not a terminal gets a new line about the same step; milliseconds. */
const QUIET = 15_000;

/** On a terminal one line is rewritten; elsewhere a line is added when the step changes and every 15 seconds. */
export function progress(stream: NodeJS.WriteStream = process.stderr): Progress {
  return stream.isTTY ? terminalProgress(stream) : plainProgress(stream, Date.now);
}

function terminalProgress(stream: NodeJS.WriteStream): Progress {
  const rewrite = (text: string): void => {
    stream.write(`\r\u001B[K${text.slice(0, Math.max(20, stream.columns - 1))}`);
  };
  return {
    step: (what, detail = '') => rewrite(joined(what, detail)),
    say: (line) => stream.write(`\r\u001B[K${line}\n`),
    clear: () => rewrite(''),
  };
}

/** Progress for logs: `now` is milliseconds since the epoch. */
export function plainProgress(stream: { write(text: string): unknown }, now: () => number): Progress {
  let current = '';
  let last = 0;
  return {
    step(what, detail = '') {
      if (what === current && now() - last < QUIET) return;
      current = what;
      last = now();
      stream.write(`${joined(what, detail)}\n`);
    },
    say: (line) => stream.write(`${line}\n`),
    clear: () => undefined,
  };
}

function joined(what: string, detail: string): string {
  return detail === '' ? what : `${what}: ${detail}`;
}

/** `75` seconds as `1 min 15 s`. */
export function seconds(count: number): string {
  const whole = Math.round(count);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
