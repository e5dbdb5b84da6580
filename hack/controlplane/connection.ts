import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Authority, type KeyPair } from './certificates.ts';

/** All that is needed to use a running control plane, as plain data: it can be passed on to another process as JSON. */
export interface Connection {
  readonly url: string;
  readonly caFile: string;
  readonly caKeyFile: string;
  /** A kubeconfig of a member of `system:masters`. */
  readonly adminKubeconfig: string;
  /** The kubectl program. */
  readonly kubectlProgram: string;
  /** The API server's audit log: one JSON event a line for each request that it answered (see audit.ts). */
  readonly auditLog: string;
  /** The directory that goes away with the control plane. */
  readonly directory: string;
}

/** What a command printed, and how it ended. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const KUBECTL_TIMEOUT = 60_000;

/** Runs kubectl as the admin; `input` goes to its stdin. A failure is a result with its code, not an error. Ended after a minute. */
export async function kubectl(connection: Connection, args: readonly string[], input?: string, kubeconfig = connection.adminKubeconfig): Promise<CommandResult> {
  const child = spawn(connection.kubectlProgram, [`--kubeconfig=${kubeconfig}`, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: connection.directory,
      // Its discovery cache would outlive the control plane whose port it is named after.
      KUBECACHEDIR: join(connection.directory, 'kubectl-cache'),
      // A process of a tenth of a second has no time to collect garbage; one that lasts has a bound.
      GOGC: 'off',
      GOMEMLIMIT: '200MiB',
    },
    timeout: KUBECTL_TIMEOUT,
    killSignal: 'SIGKILL',
  });
  const code = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve(status ?? -1));
  });
  // kubectl may end before it has read all; what it says about that is in its output.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), code]);
  return { code: status, stdout, stderr };
}

/** Writes a kubeconfig with a new client certificate for `name` in `groups`, and returns its path. It can do what RBAC grants, and at first that is nothing. */
export async function userKubeconfig(connection: Connection, name: string, groups: readonly string[] = []): Promise<string> {
  const authority = await Authority.from({
    certificate: readFileSync(connection.caFile, 'utf8'),
    key: readFileSync(connection.caKeyFile, 'utf8'),
  });
  const directory = join(connection.directory, 'users');
  mkdirSync(directory, { recursive: true });
  // RBAC user names may hold any character (system:serviceaccount:a:b); file names may not.
  const unique = `${name.replaceAll(/[^\w.-]+/g, '_').slice(0, 64)}-${process.pid}-${Date.now()}.kubeconfig`;
  const path = join(directory, unique);
  writeKubeconfig(path, connection, name, await authority.client({ name, groups }));
  return path;
}

/** A kubeconfig that needs no other file. JSON is YAML, so nothing has to be quoted. */
export function writeKubeconfig(path: string, { url, caFile }: Pick<Connection, 'url' | 'caFile'>, user: string, { certificate, key }: KeyPair): void {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'assay', cluster: { server: url, 'certificate-authority-data': base64(readFileSync(caFile, 'utf8')) } }],
    users: [{ name: user, user: { 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) } }],
    contexts: [{ name: 'assay', context: { cluster: 'assay', user } }],
    'current-context': 'assay',
  };
  writeFileSync(path, JSON.stringify(config, undefined, 2), { mode: 0o600 });
}

function base64(pem: string): string {
  return Buffer.from(pem).toString('base64');
}
