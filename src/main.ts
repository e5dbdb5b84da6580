#!/usr/bin/env node
import type { Options } from './app/options.ts';

const OLDEST_NODE = 24;

/** Which commands are wanted decides what is loaded: `--version` must not wait for cryptography. */
async function main(argv: readonly string[]): Promise<number> {
  const [{ environment }, { runProgram }] = await Promise.all([import('./app/options.ts'), import('./app/program.ts')]);
  const env = environment();
  const verify = argv[0] === 'run' || argv[0] === '--version' ? undefined : await import('./cli/verify.ts');
  let exitCode = 0;
  const context = {
    env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    exit: (code: number) => {
      exitCode = code;
    },
  };
  const ended = await runProgram(argv, {
    env,
    print: (text) => process.stdout.write(text),
    complain: (text) => process.stderr.write(text),
    run,
    extend: (program) => verify?.addVerifyCommand(program, context),
  });
  return ended === 0 ? exitCode : ended;
}

async function run(options: Options): Promise<void> {
  const { runOperator } = await import('./app/wiring.ts');
  await runOperator(options, stopSignal());
}

/** Aborts at the first SIGTERM or SIGINT; the second one ends the process at once, as the shell would say it. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  const numbers = { SIGINT: 2, SIGTERM: 15 } as const;
  for (const [name, number] of Object.entries(numbers)) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(128 + number);
      stop.abort();
    });
  }
  return stop.signal;
}

// WARNING: before anything of ours is loaded, and without syntax that an old Node does not know: it would stop at that
// with a stack trace instead of this sentence.
if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  const found = process.version;
  process.stderr.write(`assay: it needs Node ${OLDEST_NODE} or newer, and this is ${found}; get one from https://nodejs.org\n`);
  process.exit(1);
} else {
  void main(process.argv.slice(2)).then((code) => process.exit(code));
}
