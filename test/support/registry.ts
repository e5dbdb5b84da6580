import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { binaries } from '../../hack/controlplane/binaries.ts';
import { temporaryDirectory } from '../../hack/controlplane/estate.ts';
import { type OwnedProcess, startOwned } from '../../hack/controlplane/owned-process.ts';

/** A real registry on loopback. */
export interface Registry {
  /** `127.0.0.1:port`, as it is written in an image reference. */
  readonly host: string;
  stop(): Promise<void>;
}

const TIMEOUT = 20_000;
const running = new Set<OwnedProcess>();

after(async () => {
  await Promise.all([...running].map((server) => server.stop('SIGKILL')));
});

/**
 * Starts go-containerregistry's registry, which keeps everything in memory. `referrers: false` leaves out the referrers API, so that
 * clients use the fallback tag. Ends with the test file at the latest.
 */
export async function startRegistry({ referrers = true }: { readonly referrers?: boolean } = {}): Promise<Registry> {
  const { registry: command } = await binaries(['registry']);
  const log = join(temporaryDirectory('registry'), 'registry.log');
  return handleOf(await startOwned({ name: 'registry', command, args: [`--referrers=${referrers}`], log }), /^(127\.0\.0\.1:\d+)$/m);
}

/** Waits for the line in which a registry says where it listens: the first group of `line` is `127.0.0.1:port`. */
export async function handleOf(server: OwnedProcess, line: RegExp): Promise<Registry> {
  running.add(server);
  const stop = async (): Promise<void> => {
    running.delete(server);
    await server.stop('SIGKILL');
  };
  const deadline = Date.now() + TIMEOUT;
  for (;;) {
    const host = line.exec(readFileSync(server.log, 'utf8'))?.[1];
    if (host !== undefined) return { host, stop };
    if (!server.running || Date.now() > deadline) {
      await stop();
      throw new Error(`${server.name} did not say where it listens:\n${server.tail()}`);
    }
    await sleep(20);
  }
}
