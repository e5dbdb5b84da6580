/**
 * `node hack/controlplane/run.ts` starts a control plane and keeps it until Ctrl-C, to look around with kubectl; `--build` only makes sure
 * that its programs are there.
 */
import { parseArgs } from 'node:util';
import { binaries } from './binaries.ts';
import { ProgramsUnavailable } from './places.ts';
import { startControlPlane } from './start.ts';

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { build: { type: 'boolean', default: false } } });
  const programs = await binaries();
  if (values.build) {
    for (const [name, path] of Object.entries(programs)) console.log(`${name}\t${path}`);
    return;
  }
  const plane = await startControlPlane({ binaries: programs });
  console.log(`export KUBECONFIG=${plane.adminKubeconfig}`);
  console.log(`alias kubectl=${plane.kubectlProgram}`);
  console.log(`# logs: ${plane.logs}; processes: ${plane.pids().join(' ')}; Ctrl-C ends them`);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof ProgramsUnavailable ? error.message : error);
  process.exitCode = 1;
}
