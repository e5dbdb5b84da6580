import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { CliContext } from './context.ts';

const MAX_FOLDERS = 256;

/**
 * The absolute path of a program in PATH, as a shell would find it; undefined where there is none. Only absolute folders are looked
 * in: one that is relative would let whoever filled the current directory choose the program. `name` may hold no slash.
 */
export async function findProgram(name: string, env: CliContext['env']): Promise<string | undefined> {
  if (!/^[\w.-]+$/.test(name)) return undefined;
  const folders = (env['PATH'] ?? '').split(':').filter(isAbsolute).slice(0, MAX_FOLDERS);
  for (const folder of folders) {
    const path = join(folder, name);
    if (await isProgram(path)) return path;
  }
  return undefined;
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
