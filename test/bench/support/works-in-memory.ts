import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SHIPPED_KINDS } from '../../../src/api/further-kinds.ts';
import { manifestImages } from '../../../src/api/object-images.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { KarmadaFleet } from '../../../src/controllers/karmada-fleet.ts';
import { kindNames } from '../../../src/controllers/workload-object.ts';
import { connect } from '../../../src/kube/connect.ts';
import { Discovery } from '../../../src/kube/discovery.ts';
import { type Blocks, blocksOf } from './event-loop.ts';

/** What the cache of Works takes of this process. */
export interface WorksInMemory extends Blocks {
  readonly works: number;
  /** Of heap, after a collection, with keys and indexes. */
  readonly bytesEach: number;
  /** How long the list took. */
  readonly seconds: number;
}

/** Fills the operator's own cache of Works from an API server, in this process, where nothing else is kept meanwhile. */
export async function worksInMemory(kubeconfig: string): Promise<WorksInMemory> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const { client } = connect({ kubeconfig });
  const discovery = new Discovery({ client, clock: systemClock, groups: new Set(KarmadaFleet.resources.map(({ group }) => group)) });
  const { works } = new KarmadaFleet({ client, clock: systemClock, discovery, hooks: {}, nameOfKind: kindNames(SHIPPED_KINDS), imagesOfManifest: manifestImages(SHIPPED_KINDS) });
  try {
    discovery.start();
    collect();
    const [before, begun] = [process.memoryUsage().heapUsed, performance.now()];
    works.start();
    const blocks = await blocksOf(() => works.whenSynced());
    const seconds = (performance.now() - begun) / 1000;
    collect();
    return { ...blocks, works: works.store.size, bytesEach: (process.memoryUsage().heapUsed - before) / works.store.size, seconds };
  } finally {
    await Promise.all([works.stop(), discovery.stop()]);
    await client.close();
  }
}
