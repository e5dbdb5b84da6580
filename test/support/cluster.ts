import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import { ApiReader } from './api-reader.ts';
import { type CommandResult, type Connection, kubectl, userKubeconfig } from '../../hack/controlplane/connection.ts';
import { type ControlPlane, startControlPlane } from '../../hack/controlplane/start.ts';

/** The real API server of this test run, with etcd and the controllers that a rollout needs. */
export interface Cluster {
  readonly url: string;
  /** Path of the PEM certificate of the API server's authority. */
  readonly caFile: string;
  /** Path of a kubeconfig that may do everything. */
  readonly adminKubeconfig: string;
  /** Path of the API server's audit log, for `audit.ts`. */
  readonly auditLog: string;
  /** The directory with one log file for each of its servers, Karmada's components among them. */
  readonly logs: string;
  /** Reads as the admin. */
  readonly reader: ApiReader;
  /** Runs kubectl as the admin; a failure is a result with its code. */
  kubectl(args: readonly string[], input?: string): Promise<CommandResult>;
  /** Creates a namespace of this test's own and returns its name, `prefix` and something random. */
  namespace(prefix: string): Promise<string>;
  /** Path of a kubeconfig with a client certificate for that user, who can do what RBAC grants and nothing else. */
  userKubeconfig(name: string, groups?: readonly string[]): Promise<string>;
}

/** Names the file with the Connection of the control plane that the runner (hack/test.ts) started for all test files. */
export const SHARED_CLUSTER = 'ASSAY_TEST_CLUSTER';

let own: Promise<ControlPlane> | undefined;

// A test file that is run by hand has a control plane of its own, which must end for the file to end.
after(async () => {
  if (own !== undefined) await (await own).stop();
});

/** The control plane of this test run: the runner's, or one that is started at the first call and stopped after the last test of the file. */
export async function cluster(): Promise<Cluster> {
  const shared = process.env[SHARED_CLUSTER];
  if (shared !== undefined) return clusterAt(JSON.parse(readFileSync(shared, 'utf8')) as Connection);
  own ??= startControlPlane();
  return clusterAt((await own).connection);
}

/** The same view of any control plane, for a test that starts one of its own to break it. */
export function clusterAt(connection: Connection): Cluster {
  const { url, caFile, adminKubeconfig, auditLog, directory } = connection;
  return {
    url,
    caFile,
    adminKubeconfig,
    auditLog,
    logs: join(directory, 'logs'),
    reader: new ApiReader(adminKubeconfig),
    kubectl: (args, input) => kubectl(connection, args, input),
    userKubeconfig: (name, groups) => userKubeconfig(connection, name, groups),
    namespace: (prefix) => newNamespace(connection, prefix),
  };
}

async function newNamespace(connection: Connection, prefix: string): Promise<string> {
  const manifest = { apiVersion: 'v1', kind: 'Namespace', metadata: { generateName: `${prefix}-` } };
  const { code, stdout, stderr } = await kubectl(connection, ['create', '-f', '-', '-o', 'jsonpath={.metadata.name}'], JSON.stringify(manifest));
  if (code !== 0) throw new Error(`namespace ${prefix} cannot be created: ${stderr}`);
  return stdout;
}
