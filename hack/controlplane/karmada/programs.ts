import { dirname } from 'node:path';
import { type Binaries, binaries } from '../binaries.ts';
import { describeModule } from '../go-module.ts';
import { KARMADA_BINARIES, onPath, ProgramsUnavailable } from '../places.ts';
import type { Progress } from '../progress.ts';
import { KARMADA, type Manifests, keptManifests, manifestsOf } from './manifests.ts';

/** Karmada's programs, and what its release puts into the API server. */
export interface KarmadaPrograms {
  readonly binaries: Binaries;
  readonly manifests: Manifests;
}

/** The folder of the Go module that names Karmada's programs. */
export const KARMADA_MODULE = import.meta.dirname;

/** Finds or builds Karmada's programs, as `binaries` does those of Kubernetes. Throws ProgramsUnavailable. */
export async function karmadaPrograms(progress: Progress, env: NodeJS.ProcessEnv = process.env): Promise<KarmadaPrograms> {
  const found = await binaries(KARMADA_BINARIES, { module: KARMADA_MODULE, progress, env });
  const directory = dirname(found['karmada-webhook']);
  return { binaries: found, manifests: keptManifests(directory) ?? (await fetched(directory, env)) };
}

/** Programs of the user's own come without manifests. */
async function fetched(directory: string, env: NodeJS.ProcessEnv): Promise<Manifests> {
  const go = onPath('go', env);
  if (go === undefined) {
    throw new ProgramsUnavailable(`Karmada's programs are in ${directory} without its manifests, and there is no Go to fetch them with: install Go 1.21 or newer.`);
  }
  return manifestsOf((await describeModule(KARMADA, { go, module: KARMADA_MODULE, env })).Dir);
}
