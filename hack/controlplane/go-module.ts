import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What Go says of a module in its cache (`go help mod download`). */
export interface GoModule {
  readonly Version: string;
  /** The folder with its files, in Go's module cache. */
  readonly Dir: string;
  /** A file of JSON with the time of the version. */
  readonly Info: string;
  readonly Origin?: { readonly Hash?: string };
}

/** Where to look a module up. */
export interface GoModuleOptions {
  /** The go command. */
  readonly go: string;
  /** The folder with the go.mod that says which version. */
  readonly module: string;
  readonly env: NodeJS.ProcessEnv;
}

/** The module `path` in the version that go.mod requires; Go fetches it when its cache has none. Throws with what Go said. */
export async function describeModule(path: string, { go, module, env }: GoModuleOptions): Promise<GoModule> {
  const file = join(module, 'go.mod');
  const required = new RegExp(`^(?:require)?\\s*${RegExp.escape(path)} (v\\S+)`, 'm').exec(readFileSync(file, 'utf8'));
  if (required === null) throw new Error(`${file} does not require ${path}`);
  const { stdout } = await promisify(execFile)(go, ['mod', 'download', '-json', `${path}@${required[1]}`], { cwd: module, env: { ...env, GOWORK: 'off' } });
  return JSON.parse(stdout) as GoModule;
}
