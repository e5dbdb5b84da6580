import { join } from 'node:path';
import type { Cluster } from './cluster.ts';

const CRDS = join(import.meta.dirname, '../../crds');
const NAMES = ['imageverifications.assay.dev', 'clusterimageverifications.assay.dev'];

/** Applies our CRDs and waits until the API server serves them; can be called by every test file of a run. */
export async function applyCrds(cluster: Cluster): Promise<void> {
  const applied = await cluster.kubectl(['apply', '--server-side', '--force-conflicts', '-f', CRDS]);
  if (applied.code !== 0) throw new Error(`the CRDs are not accepted: ${applied.stderr}`);
  const names = NAMES.map((name) => `crd/${name}`);
  const served = await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=30s', ...names]);
  if (served.code !== 0) throw new Error(`the CRDs are not served: ${served.stderr}`);
}
