import { setTimeout as sleep } from 'node:timers/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import { binaries } from '../../hack/controlplane/binaries.ts';
import { startOwned, temporaryDirectory } from '../../hack/controlplane/owned-process.ts';

/** A real registry on loopback that keeps everything in memory. */
export interface Registry {
  /** `127.0.0.1:port`, as it is written in an image reference. */
  readonly host: string;
  stop(): Promise<void>;
}

const TIMEOUT = 20_000;
const running = new Set<Registry>();

after(async () => {
  await Promise.all([...running].map((registry) => registry.stop()));
});

/** Starts go-containerregistry's registry; `referrers: false` leaves out the referrers API, so that clients use the fallback tag. Ends with the test file at the latest. */
export async function startRegistry({ referrers = true }: { readonly referrers?: boolean } = {}): Promise<Registry> {
  const { registry: command } = await binaries(['registry']);
  const log = join(temporaryDirectory('registry'), 'registry.log');
  const server = await startOwned({ name: 'registry', command, args: [`--referrers=${referrers}`], log });
  const registry: Registry = {
    host: await addressLine(server, log),
    async stop() {
      running.delete(registry);
      await server.stop('SIGKILL');
    },
  };
  running.add(registry);
  return registry;
}

/** The line that the server prints once it listens. */
async function addressLine(server: { readonly running: boolean; tail(): string; stop(signal: 'SIGKILL'): Promise<unknown> }, log: string): Promise<string> {
  const deadline = Date.now() + TIMEOUT;
  for (;;) {
    const address = /^127\.0\.0\.1:\d+$/m.exec(readFileSync(log, 'utf8'))?.[0];
    if (address !== undefined) return address;
    if (!server.running || Date.now() > deadline) {
      await server.stop('SIGKILL');
      throw new Error(`the registry printed no address: ${server.tail()}`);
    }
    await sleep(20);
  }
}
