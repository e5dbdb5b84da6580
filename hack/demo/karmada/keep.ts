import { LEDGER, POLICIES } from './manifests.ts';
import type { KarmadaStage } from './stage.ts';

/** What to type to look around in the Karmada that is left running. */
export function howToLookAroundKarmada({ karmada: { plane, members }, operator, images: { images } }: KarmadaStage): string[] {
  const { namespace, name, part } = LEDGER;
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
    'A tag that goes in again; the two commands above show what comes out:',
    '',
    `  kubectl -n ${namespace} set image deployment/${name} ${name}=${images[part].reference}`,
    '',
    `Karmada's API server ${plane.url}, logs in ${plane.logs}.`,
    `Ctrl-C here (or: kill ${process.pid}) ends all of it.`,
  ];
}
