#!/usr/bin/env node
import type { Command } from 'commander';
import type { Environment, Options } from './app/options.ts';

const OLDEST_NODE = 24;

/** Which commands are wanted decides what is loaded: `--version` must not wait for cryptography. */
async function main(argv: readonly string[]): Promise<number> {
  const [command, ...args] = argv;
  // They read their arguments themselves, and are called for every image in a pipeline.
  if (command === 'verify' || command === 'verify-attestation') return (await import('#verify')).verifying(command, args);
  const [{ environment }, { keepAlive }] = await Promise.all([import('./app/options.ts'), import('./base/clock.ts')]);
  keepAlive();
  const env = environment();
  let exitCode = 0;
  const [{ runProgram }, commands] = await Promise.all([
    import('./app/program.ts'),
    command === 'run' || command === '--version' ? undefined : commandsFor(env, (code) => (exitCode = code)),
  ]);
  const ended = await runProgram(argv, {
    env,
    print,
    complain,
    run,
    extend: (program) => commands?.(program),
  });
  return ended === 0 ? exitCode : ended;
}

/** The commands beside `run`. */
async function commandsFor(env: Environment, setExitCode: (code: number) => void): Promise<(program: Command) => void> {
  const [{ addVerifyCommand }, { addConformanceCommand }, { addTrustCommand }, { addDoctorCommand }, { worldOf }] = await Promise.all([
    import('./cli/verify.ts'),
    import('./cli/conformance.ts'),
    import('./cli/trust.ts'),
    import('./cli/doctor.ts'),
    import('./verify.ts'),
  ]);
  const context = worldOf(env, setExitCode);
  return (program) => {
    addVerifyCommand(program, context);
    addConformanceCommand(program, context);
    addTrustCommand(program, context);
    addDoctorCommand(program, context);
  };
}

function print(text: string): void {
  process.stdout.write(text);
}

function complain(text: string): void {
  process.stderr.write(text);
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
  // WARNING: until there is an answer the answer is no. A process that ends early must never read as a verified image.
  process.exitCode = 1;
  void main(process.argv.slice(2)).then((code) => process.exit(code));
}
