import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '../controlplane/estate.ts';
import { startKarmada } from '../controlplane/karmada/start.ts';
import type { Progress } from '../controlplane/progress.ts';
import { startControlPlane } from '../controlplane/start.ts';
import { buildDist, stale } from './dist.ts';
import type { Layer } from './plan.ts';

/** What the files of a layer share: they find it through the environment. */
export interface Bed {
  readonly env: NodeJS.ProcessEnv;
  stop(): Promise<void>;
}

const NOTHING: Bed = { env: {}, stop: () => Promise.resolve() };

/** Starts what a layer's files share. A file that runs alone starts a control plane itself, if it needs one. Throws with a sentence. */
export async function makeBed({ bed }: Layer, files: number, root: string, progress: Progress): Promise<Bed> {
  if (bed === undefined) return NOTHING;
  if (stale(root)) {
    progress.step('building dist');
    buildDist(root);
    progress.clear();
  }
  if (files === 1) return NOTHING;
  const started = bed === 'karmada' ? await startKarmada({ progress }) : await startControlPlane({ progress });
  const path = join(temporaryDirectory('connection'), 'connection.json');
  writeFileSync(path, JSON.stringify(started.connection), { mode: 0o600 });
  return { env: { [bed === 'karmada' ? 'ASSAY_TEST_KARMADA' : 'ASSAY_TEST_CLUSTER']: path }, stop: () => started.stop() };
}
