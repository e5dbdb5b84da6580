import { LEDGER, POLICIES } from './manifests.ts';
import type { KarmadaStage } from './stage.ts';

/** What to type to look around in the Karmada that is left running. */
export function howToLookAroundKarmada({ karmada: { plane, members }, operator }: KarmadaStage): string[] {
  return [
    '',
    'It goes on running. In another terminal:',
    '',
    `  export KUBECONFIG=${plane.adminKubeconfig}`,
    `  alias kubectl=${plane.kubectlProgram}`,
    '  kubectl get iv,civ -A -o wide',
    `  kubectl get civ ${POLICIES.shop} -o yaml`,
    '  kubectl get pp,cop,rb,works -A',
    '  kubectl get events -A --field-selector=reportingComponent=assay.dev/operator',
    `  curl -s ${operator.metricsUrl} | grep ^assay_`,
    `  tail -f ${operator.process.log}`,
    '',
    'The clusters themselves:',
    '',
    ...members.map((member) => `  kubectl --kubeconfig=${member.plane.adminKubeconfig} get deployments -A -o wide    # ${member.name}`),
    '',
    'A tag that goes in again, and the digest that comes out:',
    '',
    `  kubectl -n ${LEDGER.namespace} get deployment ${LEDGER.name} -o jsonpath='{.spec.template.spec.containers[0].image}{"\\n"}'`,
    '',
    `Karmada's API server ${plane.url}, logs in ${plane.logs}.`,
    `Ctrl-C here (or: kill ${process.pid}) ends all of it.`,
  ];
}
