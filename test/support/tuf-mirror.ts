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
  let count = 0;
  return {
    asked,
    publish(trustedRootJson, faults = {}) {
      count += 1;
      const name = `repository-${count}`;
      const { root, ...rest } = repository(trustedRootJson, faults);
      for (const [path, text] of Object.entries(faults.empty ? {} : rest)) files.set(`/${name}/${path}`, text);
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
function repository(trustedRoot: string, faults: TufFaults): Record<string, string> & { root: string } {
  const first = newKeys();
  const second = faults.secondRoot === undefined ? undefined : newKeys();
  const keys = second ?? first;
  const sign = (role: TufRole, fields: Record<string, unknown>): string => {
    const key = faults.forged === role ? { ...keys[role], pair: generateKey('Ed25519') } : keys[role];
    return signed(metadata(role, 1, faults, fields), [key]);
  };
  const hash = sha256(Buffer.from(trustedRoot)).toString('hex');
  const target = { length: Buffer.byteLength(trustedRoot), hashes: { sha256: hash } };
  const targets = sign('targets', { targets: { 'trusted_root.json': target } });
  const snapshot = sign('snapshot', { meta: { 'targets.json': described(targets) } });
  return {
    root: signed(rootOf(first, 1, faults), [faults.forged === 'root' ? { ...first.root, pair: generateKey('Ed25519') } : first.root]),
    ...(second && { '2.root.json': signed(rootOf(second, 2, faults), faults.secondRoot === 'Signed' ? [first.root, second.root] : [second.root]) }),
    'timestamp.json': sign('timestamp', { meta: { 'snapshot.json': described(snapshot) } }),
    '1.snapshot.json': snapshot,
    '1.targets.json': targets,
    [`targets/${hash}.trusted_root.json`]: faults.served ?? trustedRoot,
  };
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

function described(text: string): Record<string, unknown> {
  return { version: 1, length: Buffer.byteLength(text), hashes: { sha256: sha256(Buffer.from(text)).toString('hex') } };
}

/** Signed over OLPC canonical JSON, which RFC 8785 is too where no text has control characters. */
function signed(content: Record<string, unknown>, keys: readonly RoleKey[]): string {
  const bytes = Buffer.from(canonicalJson(content));
  return JSON.stringify({ signed: content, signatures: keys.map(({ id, pair }) => ({ keyid: id, sig: signWith(pair, bytes).toString('hex') })) });
}
