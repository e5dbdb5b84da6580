import { globSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Any } from './api-reader.ts';
import type { Cluster } from './cluster.ts';
import { untilHolds } from './until-holds.ts';

const CRDS = join(import.meta.dirname, '../../crds');

/**
 * Sees to it that the API server serves our CRDs as they are now; can be called by every test file of a run. What is there already is left
 * alone: an API server that is given a definition again counts anew what each of its rules may cost.
 */
export async function applyCrds(cluster: Cluster): Promise<void> {
  const wanted = globSync('*.yaml', { cwd: CRDS }).map((file): Any => parse(readFileSync(join(CRDS, file), 'utf8'))).filter(({ kind }) => kind === 'CustomResourceDefinition');
  const serves = async (): Promise<void> => {
    for (const one of wanted) {
      const { metadata, spec, status } = await cluster.reader.get('customresourcedefinitions', '', one.metadata.name);
      if (metadata.deletionTimestamp !== undefined || !holds({ metadata, spec }, { metadata: one.metadata, spec: one.spec })) throw new Error(`${metadata.name} is another one`);
      if (status?.conditions?.some(({ type, status: value }: Any) => type === 'Established' && value === 'True') !== true) throw new Error(`${metadata.name} is not established`);
    }
  };
  if (await serves().then(() => true, () => false)) return;
  const applied = await cluster.kubectl(['apply', '--server-side', '--force-conflicts', '-f', CRDS]);
  if (applied.code !== 0) throw new Error(`the CRDs are not accepted: ${applied.stderr}`);
  await untilHolds('the CRDs to be served', serves);
}

/** Whether all that is wanted is there; the API server adds what it takes for granted. */
function holds(found: Any, wanted: Any): boolean {
  if (typeof wanted !== 'object' || wanted === null) return isDeepStrictEqual(found, wanted);
  if (typeof found !== 'object' || found === null) return false;
  if (Array.isArray(wanted) && wanted.length !== found.length) return false;
  return Object.entries(wanted).every(([key, value]) => holds(found[key], value));
}
