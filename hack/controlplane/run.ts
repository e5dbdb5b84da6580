/**
 * `node hack/controlplane/run.ts` starts a control plane and keeps it until Ctrl-C, to look around with kubectl; with
 * `--karmada` a Karmada with two clusters. `--build` only makes sure that the programs are there.
 */
import { parseArgs } from 'node:util';
import { binaries } from './binaries.ts';
import { karmadaPrograms } from './karmada/programs.ts';
import { startKarmada } from './karmada/start.ts';
import { ProgramsUnavailable } from './places.ts';
import { progress } from './progress.ts';
import { type ControlPlane, startControlPlane } from './start.ts';

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { build: { type: 'boolean', default: false }, karmada: { type: 'boolean', default: false } } });
  const programs = await binaries();
  const karmada = values.karmada ? await karmadaPrograms(progress()) : undefined;
  if (values.build) {
    for (const [name, path] of Object.entries({ ...programs, ...karmada?.binaries })) console.log(`${name}\t${path}`);
    return;
  }
  if (karmada === undefined) {
    const plane = await startControlPlane({ binaries: programs });
    console.log(`export KUBECONFIG=${plane.adminKubeconfig}`);
    look(plane, plane.pids());
    return;
  }
  const { plane, members, pids } = await startKarmada({ binaries: programs, programs: karmada });
  console.log(`export KUBECONFIG=${plane.adminKubeconfig}`);
  for (const member of members) console.log(`# ${member.name}: export KUBECONFIG=${member.plane.adminKubeconfig}`);
  look(plane, pids());
}

function look({ kubectlProgram, logs }: ControlPlane, pids: readonly number[]): void {
  console.log(`alias kubectl=${kubectlProgram}`);
  console.log(`# logs: ${logs}; processes: ${pids.join(' ')}; Ctrl-C ends them`);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof ProgramsUnavailable ? error.message : error);
  process.exitCode = 1;
}
