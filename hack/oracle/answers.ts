import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from '../../src/app/program.ts';
import { systemClock } from '../../src/base/clock.ts';
import { addVerifyCommand } from '../../src/cli/verify.ts';
import { createRegistryClient } from '../../src/registry/client.ts';
import type { Case } from '../../test/oracle/cases.ts';
import { own } from '../controlplane/estate.ts';

/** What a program said to a case. */
export interface Answer {
  /** Exit code; a signal's name where it was ended by one. */
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
  /** Milliseconds of wall clock. */
  readonly took: number;
}

/** Milliseconds after which a program is ended: far beyond any answer from a registry on loopback. */
const TIMEOUT = 90_000;

/** The folder of a case below `root`, with its files. */
export function folderOf(one: Case, root: string): string {
  const folder = join(root, one.id.replace(':', '-'));
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of one.files) writeFileSync(join(folder, name), text);
  return folder;
}

/** The arguments as a shell in `folder` would get them. */
export function argumentsIn(one: Case, folder: string): string[] {
  return [one.command, ...one.args.map((arg) => arg.replace('FILES/', `${folder}/`))];
}

/**
 * Environment of both: a home of their own with nothing in it. cosign's proxy is a closed port and it is told to be offline, so that it
 * asks no log or TUF repository of the world whatever a case looks like; assay never does.
 */
function environment(one: Case, home: string): Record<string, string> {
  return { ...one.env, HOME: home, DOCKER_CONFIG: home, PATH: '/usr/bin:/bin' };
}

/** Asks the real cosign. */
export function askCosign(command: string, one: Case, folder: string, home: string): Promise<Answer> {
  const closed = 'http://127.0.0.1:1';
  const env = { ...environment(one, home), TUF_ROOT: join(home, 'tuf'), TUF_MIRROR: closed, COSIGN_OFFLINE: 'true', COSIGN_REKOR_URL: closed, HTTPS_PROXY: closed, HTTP_PROXY: closed };
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(command, argumentsIn(one, folder), { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    own(child);
    const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT);
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code: code ?? signal ?? '', stdout, stderr, took: performance.now() - started });
    });
  });
}

/** Asks assay's command line, in this process. */
export async function askAssay(one: Case, folder: string, home: string): Promise<Answer> {
  const started = performance.now();
  let [stdout, stderr] = ['', ''];
  let code = 0;
  const env = environment(one, home);
  const print = (text: string): void => void (stdout += text);
  const complain = (text: string): void => void (stderr += text);
  const world = { env, stdout: print, stderr: complain, setExitCode: (value: number) => void (code = value), clock: systemClock, createRegistry: createRegistryClient };
  const ended = await runProgram(argumentsIn(one, folder), {
    env,
    print,
    complain,
    run: () => Promise.reject(new Error('the operator is not asked')),
    extend: (program) => addVerifyCommand(program, { ...world, readFile: (path) => readFile(path) }),
  });
  return { code: ended === 0 ? code : ended, stdout, stderr, took: performance.now() - started };
}
