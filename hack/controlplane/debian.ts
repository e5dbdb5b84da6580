import { execFile } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { withLock } from './lock.ts';
import { cacheRoot, executable, onPath } from './places.ts';
import { type Progress, progress } from './progress.ts';

/** The Debian packages that tests use, and the program that each is wanted for. */
const PACKAGES = { 'docker-registry': 'usr/bin/docker-registry', prometheus: 'usr/bin/prometheus' } as const;
export type DebianPackage = keyof typeof PACKAGES;

/** The path of the program, or one sentence on why it is not to be had: what a test skips with. */
export type DebianProgram = { readonly program: string } | { readonly missing: string };

const TIMEOUT = 120_000;

/**
 * Finds a program of a Debian package: in PATH, in our cache, or fetched with `apt-get download` and unpacked into our cache. Nothing is
 * installed, and no root is needed. Never throws for what the machine cannot do: that is `missing`.
 */
export async function debianProgram(name: DebianPackage, env: NodeJS.ProcessEnv = process.env, tell: Progress = progress()): Promise<DebianProgram> {
  const installed = onPath(name, env);
  if (installed !== undefined) return { program: installed };
  const root = join(cacheRoot(env), 'debian');
  const program = join(root, name, PACKAGES[name]);
  if (executable(program)) return { program };
  const apt = onPath('apt-get', env);
  const dpkg = onPath('dpkg', env);
  if (apt === undefined || dpkg === undefined) return { missing: `there is no ${name} in PATH, and no apt-get and dpkg to fetch Debian's` };
  mkdirSync(root, { recursive: true });
  try {
    await withLock(join(root, 'lock'), async () => {
      if (executable(program)) return;
      tell.step(`fetching Debian's ${name}`);
      await fetchAndUnpack(name, { apt, dpkg, root, env });
      tell.clear();
    });
  } catch (error) {
    return { missing: `there is no ${name} in PATH, and Debian's cannot be fetched: ${lastLine(error)}` };
  }
  return executable(program) ? { program } : { missing: `Debian's package ${name} has no ${PACKAGES[name]}` };
}

interface Tools {
  readonly apt: string;
  readonly dpkg: string;
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
}

async function fetchAndUnpack(name: DebianPackage, { apt, dpkg, root, env }: Tools): Promise<void> {
  const work = mkdtempSync(join(root, `${name}-unfinished-`));
  const run = (command: string, ...args: string[]) => promisify(execFile)(command, args, { cwd: work, env, timeout: TIMEOUT });
  try {
    // The machine's own package lists are tried first; where they are empty or old, lists of our own, which need no root.
    await run(apt, 'download', '-q', name).catch(async () => {
      const lists = ['-o', `Dir::State::lists=${join(work, 'lists')}`, '-o', `Dir::Cache=${join(work, 'cache')}`];
      mkdirSync(join(work, 'lists', 'partial'), { recursive: true });
      mkdirSync(join(work, 'cache', 'archives', 'partial'), { recursive: true });
      await run(apt, ...lists, 'update', '-q');
      await run(apt, ...lists, 'download', '-q', name);
    });
    const [archive] = globSync('*.deb', { cwd: work });
    if (archive === undefined) throw new Error('apt-get download left no .deb file');
    await run(dpkg, '-x', archive, 'tree');
    rmSync(join(root, name), { recursive: true, force: true });
    renameSync(join(work, 'tree'), join(root, name));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function lastLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  return (stderr?.trim() || message).split('\n').at(-1) ?? message;
}
