import { digestOf } from '../../../src/base/digest.ts';
import type { CliContext } from '../../../src/cli/context.ts';
import { verify } from '../../../src/cli/verify.ts';
import type { RegistryClientOptions } from '../../../src/registry/client.ts';
import type { RegistryClient } from '../../../src/registry/types.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { MemoryRegistry } from '../verification/memory-registry.ts';

/** What a run of `verify` did. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** How the registry client was asked for; `undefined` where it never was. */
  readonly registryOptions: RegistryClientOptions | undefined;
}

export interface World {
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly registry?: RegistryClient;
  /** Gets the files that are written. */
  readonly written?: Map<string, string>;
  /** `verify` unless it is another command. */
  readonly command?: typeof verify;
}

/** Runs `verify`, or the world's command, with these arguments in a world of maps. */
export async function run(args: readonly string[], { files = {}, env = {}, registry = new MemoryRegistry(), written = new Map(), command = verify }: World = {}): Promise<Ran> {
  let [stdout, stderr] = ['', ''];
  let registryOptions: RegistryClientOptions | undefined;
  const context: CliContext = {
    stdout: (text) => (stdout += text),
    stderr: (text) => (stderr += text),
    env,
    readFile: async (path) => {
      const content = files[path];
      if (content === undefined) throw Object.assign(new Error('not there'), { code: 'ENOENT' });
      return Buffer.from(content);
    },
    writeFile: async (path, text) => void written.set(path, text),
    createRegistry: (options) => {
      registryOptions = options;
      return registry;
    },
    clock: new ManualClock(),
    setExitCode: () => undefined,
  };
  const code = await command(args, context);
  return { code, stdout, stderr, registryOptions };
}

/** Any digest, for references that need one. */
export const SOME_DIGEST = digestOf('some image');
