import { setTimeout as sleep } from 'node:timers/promises';
import type { Stage } from './stage.ts';

/** What to type to look around in the demo that is left running. */
export function howToLookAround({ plane, operator }: Stage): string[] {
  return [
    '',
    'It goes on running. In another terminal:',
    '',
    `  export KUBECONFIG=${plane.adminKubeconfig}`,
    `  alias kubectl=${plane.kubectlProgram}`,
    '  kubectl get iv,civ -A -o wide',
    '  kubectl describe iv release-workflow -n shop',
    '  kubectl get events -A --field-selector=reportingComponent=assay.dev/operator',
    `  curl -s ${operator.metricsUrl} | grep ^assay_`,
    `  tail -f ${operator.process.log}`,
    '',
    `Control plane ${plane.url}, logs in ${plane.logs}.`,
    `Ctrl-C here (or: kill ${process.pid}) ends all of it.`,
  ];
}

/** Waits for a signal, which ends this process and with it everything. Throws when the operator ends before that. */
export async function untilEnded({ operator }: Stage): Promise<void> {
  while (operator.process.running) await sleep(1_000);
  throw new Error(`the operator ended; the end of its log:\n${operator.process.tail()}`);
}
