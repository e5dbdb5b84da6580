import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { debianProgram } from '../../hack/controlplane/debian.ts';
import { temporaryDirectory } from '../../hack/controlplane/estate.ts';
import { startOwned } from '../../hack/controlplane/owned-process.ts';
import { type Registry, handleOf } from './registry.ts';

/**
 * Starts Debian's docker-registry 2.8, which has no referrers API, or says in one sentence why there is none here: skip with it.
 * `extra` is added to its configuration, for instance `{ auth: { htpasswd: { realm, path } } }`. Ends with the test file at the latest.
 */
export async function startDockerRegistry(extra: Readonly<Record<string, unknown>> = {}): Promise<Registry | { readonly missing: string }> {
  const found = await debianProgram('docker-registry');
  if ('missing' in found) return found;
  const directory = temporaryDirectory('docker-registry');
  const config = join(directory, 'config.yml');
  const content = {
    version: '0.1',
    log: { level: 'info', formatter: 'json' },
    storage: { filesystem: { rootdirectory: join(directory, 'data') }, delete: { enabled: true } },
    http: { addr: '127.0.0.1:0' },
    ...extra,
  };
  writeFileSync(config, JSON.stringify(content));
  const server = await startOwned({ name: 'docker-registry', command: found.program, args: ['serve', config], log: join(directory, 'registry.log') });
  return handleOf(server, /"msg":"listening on (127\.0\.0\.1:\d+)"/);
}
