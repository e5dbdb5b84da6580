/**
 * A process that owns a control plane and is to be ended from outside: starts one, prints a JSON line with the processes that it owns
 * whenever that changes, and stays. With the argument `karmada` it starts a Karmada with one member; with `crash-at=N` it throws as soon
 * as it owns N processes.
 */
import { ownedPids, temporaryDirectory } from '../../hack/controlplane/estate.ts';
import { startKarmada } from '../../hack/controlplane/karmada/start.ts';
import { startControlPlane } from '../../hack/controlplane/start.ts';

const crashAt = Number(process.argv.find((argument) => argument.startsWith('crash-at='))?.slice('crash-at='.length) ?? 0);
let shown = '';

function show(): void {
  const pids = ownedPids();
  const line = JSON.stringify(pids);
  if (line !== shown) console.log(line);
  shown = line;
  if (crashAt > 0 && pids.length >= crashAt) throw new Error('crashed on purpose');
}

console.log(JSON.stringify(temporaryDirectory('owner')));
setInterval(show, 20);
await (process.argv.includes('karmada') ? startKarmada({ members: 1 }) : startControlPlane());
