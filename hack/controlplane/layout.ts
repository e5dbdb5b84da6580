import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Authority, type KeyPair, signingKey } from './certificates.ts';
import { temporaryDirectory } from './estate.ts';

/** The files of one control plane, all under one directory that is removed when this process ends. */
export interface Layout {
  readonly directory: string;
  readonly logs: string;
  readonly pki: string;
  readonly auditLog: string;
  readonly adminKubeconfig: string;
}

/** The group of Karmada's own components: what they read, and their locks, would fill the log. */
export const KARMADA_GROUP = 'assay:karmada';

/** What the API server is asked to write down: each answered request that did not come from itself or from the controllers. */
const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived', 'ResponseStarted'],
  rules: [
    { level: 'None', users: ['system:apiserver', 'controllers'] },
    { level: 'None', userGroups: [KARMADA_GROUP], verbs: ['get', 'list', 'watch'] },
    { level: 'None', userGroups: [KARMADA_GROUP], resources: [{ group: 'coordination.k8s.io' }, { group: 'authorization.k8s.io' }, { group: 'authentication.k8s.io' }] },
    { level: 'None', nonResourceURLs: ['/readyz*', '/livez*', '/healthz*', '/version*', '/openapi*', '/api*'] },
    { level: 'Metadata' },
  ],
} as const;

/** What the API server calls itself towards extension API servers. */
export const FRONT_PROXY = 'front-proxy-client';

/** Makes the directories of a new control plane, its authority, and what that signs for its servers. */
export async function newLayout(): Promise<{ layout: Layout; admin: KeyPair; controllers: KeyPair }> {
  const directory = temporaryDirectory('controlplane');
  const layout: Layout = {
    directory,
    logs: join(directory, 'logs'),
    pki: join(directory, 'pki'),
    auditLog: join(directory, 'logs', 'audit.jsonl'),
    adminKubeconfig: join(directory, 'admin.kubeconfig'),
  };
  for (const one of [layout.logs, layout.pki]) mkdirSync(one, { recursive: true });
  const authority = await Authority.create('assay test bed');
  const admin = await authority.client({ name: 'admin', groups: ['system:masters'] });
  const controllers = await authority.client({ name: 'controllers', groups: ['system:masters'] });
  const accounts = await signingKey();
  const write = (name: string, content: string): void => writeFileSync(join(layout.pki, name), content, { mode: 0o600 });
  const writePair = (name: string, pair: KeyPair): void => {
    write(`${name}.crt`, pair.certificate);
    write(`${name}.key`, pair.key);
  };
  writePair('ca', authority.pem);
  writePair('admin', admin);
  writePair('apiserver', await authority.server('kube-apiserver', ['kubernetes.default.svc']));
  // For extension API servers, which take a user's name from a header when this client brings it.
  writePair('front-proxy', await authority.client({ name: FRONT_PROXY }));
  write('service-accounts.key', accounts.privateKey);
  write('service-accounts.pub', accounts.publicKey);
  write('audit-policy.json', JSON.stringify(AUDIT_POLICY));
  return { layout, admin, controllers };
}

/** Removes all of it. */
export function removeLayout({ directory }: Layout): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}
