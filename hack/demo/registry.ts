import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startOwned } from '../controlplane/owned-process.ts';
import { until } from './steps.ts';

/** Starts go-containerregistry's registry on a free port of loopback, with its log in `logs` under `name`; ends with this process. Returns `127.0.0.1:port`. */
export async function startRegistry(command: string, logs: string, name = 'registry'): Promise<string> {
  const server = await startOwned({ name, command, args: ['--referrers=true'], log: join(logs, `${name}.log`) });
  return until(
    20,
    () => {
      if (!server.running) throw new Error(`the ${name} ended: ${server.tail()}`);
      return Promise.resolve(/^(127\.0\.0\.1:\d+)$/m.exec(readFileSync(server.log, 'utf8'))?.[1]);
    },
    () => `the ${name} did not say where it listens: ${server.tail()}`,
  );
}
