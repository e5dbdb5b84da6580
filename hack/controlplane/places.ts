import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';

/** The programs of the test bed. */
export const BINARIES = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl', 'registry'] as const;
/** What makes a control plane a Karmada: of a Go module of its own (./karmada), and built only when something asks for Karmada. */
export const KARMADA_BINARIES = ['karmada-aggregated-apiserver', 'karmada-controller-manager', 'karmada-scheduler', 'karmada-webhook'] as const;
/** `cosign` is what `npm run oracle` compares with: of another Go module (hack/oracle), and built when that asks for it. */
export type Binary = (typeof BINARIES)[number] | (typeof KARMADA_BINARIES)[number] | 'cosign';

/** A directory that may hold binaries; `name` is what a person calls it. */
export interface Place {
  readonly name: string;
  readonly directory: string;
}

/** Thrown when a program of the test bed is not to be had here; the message is one sentence that says what to do. */
export class ProgramsUnavailable extends Error {
  override readonly name = 'ProgramsUnavailable';
}

/** Our own cache: `$XDG_CACHE_HOME/assay`, or `~/.cache/assay` (XDG base directory specification: a relative path is ignored). */
export function cacheRoot(env: NodeJS.ProcessEnv): string {
  const cache = env['XDG_CACHE_HOME'];
  if (cache !== undefined && isAbsolute(cache)) return join(cache, 'assay');
  return join(env['HOME'] ?? homedir(), '.cache', 'assay');
}

/** Names what is built from `module`: another version of anything, or of our own Go file where there is one, is another name. */
export function fingerprint(module: string): string {
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}\n`);
  const own = join('registry', 'main.go');
  const files = ['go.mod', 'go.sum', ...(existsSync(join(module, own)) ? [own] : [])];
  for (const file of files) hash.update(readFileSync(join(module, file))).update('\0');
  return hash.digest('hex').slice(0, 16);
}

/** Where binaries are looked for, best first. The cache comes last, and is where `go build` puts what is found nowhere. */
export function places(env: NodeJS.ProcessEnv, cache: string): Place[] {
  const given = ['ASSAY_CONTROLPLANE_DIR', 'KUBEBUILDER_ASSETS'].flatMap((name) => {
    const directory = env[name];
    return directory === undefined || directory === '' ? [] : [{ name, directory }];
  });
  return [...given, { name: 'the cache', directory: cache }];
}

/** What was found where, and what must be built. */
export interface Located {
  readonly found: ReadonlyMap<Binary, string>;
  readonly missing: readonly Binary[];
}

/** Takes each binary from the first place that has it: KUBEBUILDER_ASSETS, for one, never has a kube-controller-manager. */
export function locate(wanted: readonly Binary[], from: readonly Place[], has: (path: string) => boolean): Located {
  const found = new Map<Binary, string>();
  for (const binary of wanted) {
    const path = from.map(({ directory }) => join(directory, binary)).find((candidate) => has(candidate));
    if (path !== undefined) found.set(binary, path);
  }
  return { found, missing: wanted.filter((binary) => !found.has(binary)) };
}

/** Throws when a directory that the user named is not there: looking elsewhere would hide the mistake. */
export function checkGiven(from: readonly Place[]): void {
  for (const { name, directory } of from.slice(0, -1)) {
    if (!existsSync(directory)) {
      throw new ProgramsUnavailable(`${name} is ${directory}, which does not exist: correct it, or unset it to have the programs built.`);
    }
  }
}

/** Whether `path` is a file that can be run. */
export function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The first `name` in `$PATH`, if any. */
export function onPath(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const directories = (env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '');
  return directories.map((directory) => join(directory, name)).find((candidate) => executable(candidate));
}

/** The one sentence for a machine that has neither the binaries nor Go. */
export function nothingToBuildWith(missing: readonly Binary[]): ProgramsUnavailable {
  return new ProgramsUnavailable(
    `There is no ${missing.join(', ')} and no Go to build ${missing.length === 1 ? 'it' : 'them'} with: install Go 1.21 or newer (https://go.dev/dl; it fetches ` +
      `the Go that it needs), or set ASSAY_CONTROLPLANE_DIR to a directory that holds ${missing.length === 1 ? 'it' : 'them'}.`,
  );
}
