import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { environment } from './app/options.ts';
import type { Environment } from './app/options.ts';
import { keepAlive, systemClock } from './base/clock.ts';
import type { CliContext } from './cli/context.ts';
import { verify, verifyAttestation } from './cli/verify.ts';
import { createRegistryClient } from './registry/client.ts';

/**
 * Does `assay verify` or `assay verify-attestation`, and gives its exit code. A program of its own (`#verify`), in one file where it is
 * built: to look for each file of two dozen takes as long as to verify what was found.
 */
export function verifying(command: 'verify' | 'verify-attestation', args: readonly string[]): Promise<number> {
  keepAlive();
  const context = worldOf(environment(), () => undefined);
  return command === 'verify' ? verify(args, context) : verifyAttestation(args, context);
}

/** The world as `src/cli/context.ts` describes it. */
export function worldOf(env: Environment, setExitCode: (code: number) => void): CliContext {
  return {
    env,
    setExitCode,
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    clock: systemClock,
    createRegistry: createRegistryClient,
    // Nothing else is going on that a small file could hold up, and the threads for it need not be started.
    readFile: (path) => new Promise((resolve) => resolve(readFileSync(path))),
    writeFile: (path, text) => writeFile(path, text),
    trustStore: async (options) => new (await import('./trust/refresh.ts')).TrustStore(options),
  };
}
