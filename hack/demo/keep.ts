import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { POLICIES } from './manifests.ts';
import type { Operator } from './operator.ts';
import type { Stage } from './stage.ts';

/** What to type to look around in the demo that is left running; writes the files that it names. */
export function howToLookAround({ plane, operator, images: { images, identity, keyPem, trustedRootJson } }: Stage): string[] {
  const [key, root] = [join(plane.directory, 'release.pub'), join(plane.directory, 'trusted_root.json')];
  writeFileSync(key, keyPem);
  writeFileSync(root, trustedRootJson);
  const cli = resolve(import.meta.dirname, '../../dist/cli.js');
  const keyless = `assay verify --trusted-root=${root} --certificate-oidc-issuer=${identity.issuer} --certificate-identity=${identity.subject}`;
  return [
    ...lookAround(plane, operator, [`describe iv ${POLICIES.shop} -n shop`]),
    '',
    'The command line, on the same images:',
    '',
    `  alias assay='${process.execPath} ${cli}'`,
    `  assay verify --key=${key} --insecure-ignore-tlog -a env=prod ${images.keyed.reference}`,
    `  ${keyless} ${images.web.reference}`,
    `  ${keyless} ${images.foreign.reference}`,
    '',
    ...howToEnd('Control plane', plane),
  ];
}

/** How to look at everything in a control plane and its operator; `more` are commands of kubectl. */
export function lookAround({ adminKubeconfig, kubectlProgram }: Stage['plane'], operator: Operator, more: readonly string[]): string[] {
  return [
    '',
    'It goes on running. In another terminal:',
    '',
    `  export KUBECONFIG=${adminKubeconfig}`,
    `  alias kubectl=${kubectlProgram}`,
    '  kubectl get iv,civ -A -o wide',
    ...more.map((command) => `  kubectl ${command}`),
    '  kubectl get events -A --field-selector=reportingComponent=assay.dev/operator',
    `  curl -s ${operator.metricsUrl} | grep ^assay_`,
    `  tail -f ${operator.process.log}`,
  ];
}

/** Where the rest is, and how to end all of it. */
export function howToEnd(what: string, { url, logs }: Stage['plane']): string[] {
  return [`${what} ${url}, logs in ${logs}.`, `Ctrl-C here (or: kill ${process.pid}) ends all of it.`];
}

/** Waits for a signal, which ends this process and with it everything. Throws when the operator ends before that. */
export async function untilEnded(operator: Operator): Promise<void> {
  while (operator.process.running) await sleep(1_000);
  throw new Error(`the operator ended; the end of its log:\n${operator.process.tail()}`);
}
