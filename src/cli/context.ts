import type { Clock } from '../base/clock.ts';
import type { RegistryClientOptions } from '../registry/client.ts';
import type { RegistryClient } from '../registry/types.ts';

/** The world as a command sees it: `main` hands in the real one, tests one that they can look at. */
export interface CliContext {
  /** Writes text as it is, with no line break added. */
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The file's bytes; rejects as `node:fs/promises` does. */
  readonly readFile: (path: string) => Promise<Uint8Array>;
  readonly createRegistry: (options: RegistryClientOptions) => RegistryClient;
  readonly clock: Clock;
  readonly setExitCode: (code: number) => void;
}
