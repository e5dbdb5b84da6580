import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { generateKey, sha256, signWith, type KeyPair } from './sigstore/keys.ts';
import { canonicalJson } from './sigstore/log-bodies.ts';

const YEAR = 365 * 24 * 3600 * 1000;
const ROLES = ['root', 'timestamp', 'snapshot', 'targets'] as const;

/** The four roles that every TUF repository has (TUF specification, 2.1). */
export type TufRole = (typeof ROLES)[number];

/** What is wrong with a repository; everything else is as it should be. */
export interface TufFaults {
  /** When a role's metadata expires, milliseconds since the epoch; in a year by default. */
  readonly expires?: Partial<Readonly<Record<TufRole, number>>>;
  /** The role whose metadata a stranger signs under the right key's id. */
  readonly forged?: TufRole;
  /** Served under the name of the trusted root in place of the one that was signed for. */
  readonly served?: string;
  /** There is a second root with keys of its own, signed by the first one's key and its own, or by its own alone. */
  readonly secondRoot?: 'Signed' | 'Unsigned';
  /** Nothing is served. */
  readonly empty?: true;
  /** Version of timestamp, snapshot and targets; 1 by default. */
  readonly version?: number;
  /** The trusted root is longer than this says, in bytes. */
  readonly length?: number;
  /** Name of a role to which the trusted root is delegated, with the keys of targets. */
  readonly delegated?: string;
}

/** What a client must be told to read from a repository of the mirror, named as `sigstore.verify` names it. */
export interface TufClientOptions {
  readonly tufMirrorURL: string;
  /** Path of the first root, where trust begins. */
  readonly tufRootPath: string;
  readonly tufCachePath: string;
}

/** TUF repositories on loopback; each has one target, `trusted_root.json`. */
export interface TufMirror {
  /** A new repository with keys of its own, and what a client must be told of it. */
  publish(trustedRootJson: string, faults?: TufFaults): TufClientOptions;
  /** Replaces what a repository serves, signed with the keys that it has: where its client begins does not change. */
  republish(repository: TufClientOptions, trustedRootJson: string, faults?: TufFaults): void;
  /** The paths that were asked for, in order. */
  readonly asked: readonly string[];
  stop(): Promise<void>;
}

/** Starts a mirror; `directory` gets the first roots and the clients' caches. */
export async function startTufMirror(directory: string): Promise<TufMirror> {
  const files = new Map<string, string>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const text = files.get(path);
    response.writeHead(text === undefined ? 404 : 200).end(text);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const repositories = new Map<string, { readonly first: Keys; second?: Keys }>();
  const serve = (name: string, trustedRootJson: string, faults: TufFaults): string => {
    const keys = repositories.get(name) ?? { first: newKeys() };
    if (faults.secondRoot !== undefined) keys.second ??= newKeys();
    repositories.set(name, keys);
    const { root, ...rest } = repository(trustedRootJson, faults, keys);
    for (const path of files.keys()) if (path.startsWith(`/${name}/`)) files.delete(path);
    for (const [path, text] of Object.entries(faults.empty ? {} : rest)) files.set(`/${name}/${path}`, text);
    return root;
  };
  return {
    asked,
    republish({ tufMirrorURL }, trustedRootJson, faults = {}) {
      serve(new URL(tufMirrorURL).pathname.slice(1), trustedRootJson, faults);
    },
    publish(trustedRootJson, faults = {}) {
      const name = `repository-${repositories.size + 1}`;
      const root = serve(name, trustedRootJson, faults);
      mkdirSync(join(directory, name));
      writeFileSync(join(directory, name, 'root.json'), root);
      return {
        tufMirrorURL: `http://127.0.0.1:${port}/${name}`,
        tufRootPath: join(directory, name, 'root.json'),
        tufCachePath: join(directory, name, 'cache'),
      };
    },
    async stop() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
      server.closeAllConnections();
      await closed;
    },
  };
}

interface RoleKey {
  readonly id: string;
  readonly pair: KeyPair;
  readonly described: { readonly keytype: 'ed25519'; readonly scheme: 'ed25519'; readonly keyval: { readonly public: string } };
}

type Keys = Readonly<Record<TufRole, RoleKey>>;

/** The files of a repository with consistent snapshots, by path; `root` is where trust begins (TUF specification, 4 and 6.2). */
function repository(trustedRoot: string, faults: TufFaults, { first, second }: { readonly first: Keys; readonly second?: Keys }): Record<string, string> & { root: string } {
  const keys = second ?? first;
  const { version = 1 } = faults;
  const sign = (role: TufRole, fields: Record<string, unknown>): string => {
    const key = faults.forged === role ? { ...keys[role], pair: generateKey('Ed25519') } : keys[role];
    return signed(metadata(role, version, faults, fields), [key]);
  };
  const hash = sha256(Buffer.from(trustedRoot)).toString('hex');
  const target = { length: faults.length ?? Buffer.byteLength(trustedRoot), hashes: { sha256: hash } };
  const listed = { targets: { 'trusted_root.json': target } };
  const { delegated } = faults;
  const targets = sign('targets', delegated === undefined ? listed : { targets: {}, delegations: delegationTo(delegated, keys.targets) });
  const other = delegated === undefined ? undefined : sign('targets', listed);
  const snapshot = sign('snapshot', { meta: { 'targets.json': described(targets, version), ...(other !== undefined && { [`${delegated}.json`]: described(other, version) }) } });
  return {
    root: signed(rootOf(first, 1, faults), [faults.forged === 'root' ? { ...first.root, pair: generateKey('Ed25519') } : first.root]),
    ...(second && { '2.root.json': signed(rootOf(second, 2, faults), faults.secondRoot === 'Signed' ? [first.root, second.root] : [second.root]) }),
    'timestamp.json': sign('timestamp', { meta: { 'snapshot.json': described(snapshot, version) } }),
    [`${version}.snapshot.json`]: snapshot,
    [`${version}.targets.json`]: targets,
    ...(other !== undefined && { [`${version}.${encodeURIComponent(delegated ?? '')}.json`]: other }),
    [`targets/${hash}.trusted_root.json`]: faults.served ?? trustedRoot,
  };
}

function delegationTo(name: string, { id, described }: RoleKey): Record<string, unknown> {
  return { keys: { [id]: described }, roles: [{ name, keyids: [id], threshold: 1, terminating: false, paths: ['*'] }] };
}

function newKeys(): Keys {
  const key = (): RoleKey => {
    const pair = generateKey('Ed25519');
    const publicKey = pair.spki.subarray(-32).toString('hex');
    const described = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: publicKey } } as const;
    return { id: sha256(Buffer.from(canonicalJson(described))).toString('hex'), pair, described };
  };
  return { root: key(), timestamp: key(), snapshot: key(), targets: key() };
}

function rootOf(keys: Keys, version: number, faults: TufFaults): Record<string, unknown> {
  return metadata('root', version, faults, {
    consistent_snapshot: true,
    keys: Object.fromEntries(ROLES.map((role) => [keys[role].id, keys[role].described])),
    roles: Object.fromEntries(ROLES.map((role) => [role, { keyids: [keys[role].id], threshold: 1 }])),
  });
}

function metadata(role: TufRole, version: number, { expires }: TufFaults, fields: Record<string, unknown>): Record<string, unknown> {
  const until = new Date(expires?.[role] ?? Date.now() + YEAR).toISOString();
  return { _type: role, spec_version: '1.0.31', version, expires: until.replace(/\.\d+Z$/, 'Z'), ...fields };
}

function described(text: string, version: number): Record<string, unknown> {
  return { version, length: Buffer.byteLength(text), hashes: { sha256: sha256(Buffer.from(text)).toString('hex') } };
}

/** Signed over OLPC canonical JSON, which RFC 8785 is too where no text has control characters. */
function signed(content: Record<string, unknown>, keys: readonly RoleKey[]): string {
  const bytes = Buffer.from(canonicalJson(content));
  return JSON.stringify({ signed: content, signatures: keys.map(({ id, pair }) => ({ keyid: id, sig: signWith(pair, bytes).toString('hex') })) });
}
