import type { Clock } from '../base/clock.ts';
import type { RegistryClientOptions } from '../registry/client.ts';
import type { RegistryClient } from '../registry/types.ts';
import type { TrustStore, TrustStoreOptions } from '../trust/refresh.ts';

/** The world as a command sees it: `main` hands in the real one, tests one that they can look at. */
export interface CliContext {
  /** Writes text as it is, with no line break added. */
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The file's bytes; rejects as `node:fs/promises` does. */
  readonly readFile: (path: string) => Promise<Uint8Array>;
  /** Makes a file of the text, or the file anew; rejects as `node:fs/promises` does. Absent: none can be written. */
  readonly writeFile?: (path: string, text: string) => Promise<void>;
  readonly createRegistry: (options: RegistryClientOptions) => RegistryClient;
  /** Keeps a trusted root up to date. Absent: there is none but that of this build, and nothing is asked for. */
  readonly trustStore?: (options: TrustStoreOptions) => Promise<Pick<TrustStore, 'lastGood' | 'lastAttempt' | 'refresh'>>;
  readonly clock: Clock;
  readonly setExitCode: (code: number) => void;
}
