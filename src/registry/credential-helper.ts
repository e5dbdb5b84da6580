import { spawn } from 'node:child_process';
import { isAbsolute } from 'node:path';

import { deadline } from '../base/abort.ts';
import { systemClock, type Clock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';

import type { DockerConfig } from './docker-config.ts';
import { scopeOf, type KeychainWithNotes } from './keychain.ts';
import type { Credentials, Keychain } from './types.ts';

export type HelperErrorCode = 'NotAbsolute' | 'CannotRun' | 'Timeout' | 'Failed' | 'Malformed';

/** Thrown when a credential helper gives no answer. The message holds nothing that the helper printed. */
export class HelperError extends CodedError<HelperErrorCode> {}

export interface HelperOptions {
  /** Helper name (`ecr-login`) to the absolute path of its program. Nothing else is ever run. */
  readonly allowed: Readonly<Record<string, string>>;
  /** The whole environment of the program; empty by default. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Milliseconds: 5 s. */
  readonly timeout?: number;
  readonly clock?: Clock;
}

interface Output {
  readonly code: number | null;
  readonly stdout: string;
}

const MAX_OUTPUT = 64 * 1024;
const NOT_FOUND = 'credentials not found in native keychain';

/** Runs `program get` with `server` on its standard input: no shell, the given environment only, killed at the time-out. */
function run(program: string, server: string, environment: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['get'], { shell: false, env: { ...environment }, stdio: ['pipe', 'pipe', 'ignore'], signal, killSignal: 'SIGKILL', windowsHide: true });
    const pieces: Buffer[] = [];
    let size = 0;
    child.stdout.on('data', (piece: Buffer) => {
      size += piece.length;
      if (size > MAX_OUTPUT) child.kill('SIGKILL');
      else pieces.push(piece);
    });
    let failure: Error | undefined;
    child.on('error', (error) => {
      failure = error;
      if (child.pid === undefined) reject(error);
    });
    // Only when the program is gone: whoever hears of the time-out may count on that.
    child.on('exit', () => {
      if (failure !== undefined) reject(failure);
    });
    child.on('close', (code) => resolve({ code, stdout: Buffer.concat(pieces).toString('utf8') }));
    // A program that ends without reading closes the pipe under us.
    child.stdin.on('error', () => undefined);
    child.stdin.end(server);
  });
}

function parse(stdout: string, program: string): Credentials {
  let answer: unknown;
  try {
    answer = JSON.parse(stdout);
  } catch {
    throw new HelperError('Malformed', `the credential helper ${program} did not print JSON`);
  }
  const { Username: username, Secret: secret } = (typeof answer === 'object' && answer !== null ? answer : {}) as Record<string, unknown>;
  if (typeof username !== 'string' || typeof secret !== 'string') throw new HelperError('Malformed', `the credential helper ${program} printed no Username and Secret`);
  return username === '<token>' ? { identityToken: secret } : { username, password: secret };
}

/** What the helper knows for this server address, or nothing. Throws {@link HelperError}. */
export async function askHelper(program: string, server: string, options: HelperOptions): Promise<Credentials | undefined> {
  if (!isAbsolute(program)) throw new HelperError('NotAbsolute', `the credential helper ${program} is not an absolute path`);
  const limit = deadline(options.clock ?? systemClock, options.timeout ?? 5_000, `the credential helper ${program}`);
  try {
    const { code, stdout } = await run(program, server, options.environment ?? {}, limit.signal);
    if (code === 0) return parse(stdout, program);
    if (stdout.trim() === NOT_FOUND) return undefined;
    throw new HelperError('Failed', `the credential helper ${program} failed (${code === null ? 'killed' : `exit ${code}`})`);
  } catch (thrown) {
    if (thrown instanceof HelperError) throw thrown;
    if (limit.signal.aborted) throw new HelperError('Timeout', `the credential helper ${program} did not answer in time`, { cause: thrown });
    throw new HelperError('CannotRun', `the credential helper ${program} cannot be run`, { cause: thrown });
  } finally {
    limit.cancel();
  }
}

/**
 * A keychain over the helpers that a user's own Docker config names, for the command line only: a config that a tenant
 * wrote must never come here. Helpers that are not in the allow-list are left out with a note.
 */
export function helperKeychain(config: DockerConfig, options: HelperOptions): KeychainWithNotes {
  const programs = new Map<string, string>();
  const notes: string[] = [];
  for (const [host, helper] of config.helpers) {
    const program = Object.hasOwn(options.allowed, helper) ? options.allowed[helper] : undefined;
    if (program !== undefined && isAbsolute(program)) programs.set(host, program);
    else notes.push(`the credential helper ${JSON.stringify(helper.slice(0, 64))} is not among the allowed ones and was ignored`);
  }
  const answers = new Map<string, Promise<Credentials | undefined>>();
  const keychain: Keychain = {
    scope: scopeOf(['helpers', [...programs]]),
    lookup({ host }) {
      const server = host === 'docker.io' ? 'https://index.docker.io/v1/' : host;
      const program = programs.get(host) ?? (host === 'docker.io' ? programs.get('index.docker.io') : undefined) ?? programs.get('');
      if (program === undefined) return Promise.resolve(undefined);
      const key = `${program} ${server}`;
      const answer = answers.get(key) ?? askHelper(program, server, options);
      answers.set(key, answer);
      return answer;
    },
  };
  return { keychain, notes };
}
