import { howToEnd, lookAround } from '../keep.ts';
import { LEDGER, POLICIES } from './manifests.ts';
import type { KarmadaStage } from './stage.ts';

/** What to type to look around in the Karmada that is left running. */
export function howToLookAroundKarmada({ karmada: { plane, members }, operator, images: { images } }: KarmadaStage): string[] {
  const { namespace, name, part } = LEDGER;
  return [
    ...lookAround(plane, operator, [`get civ ${POLICIES.shop} -o yaml`, 'get pp,cop,rb,works -A']),
    '',
    'The clusters themselves:',
    '',
    ...members.map((member) => `  kubectl --kubeconfig=${member.plane.adminKubeconfig} get deployments -A -o wide    # ${member.name}`),
    '',
    'A tag that goes in again; the two commands above show what comes out:',
    '',
    `  kubectl -n ${namespace} set image deployment/${name} ${name}=${images[part].reference}`,
    '',
    ...howToEnd("Karmada's API server", plane),
  ];
}
