import { createHmac, randomBytes } from 'node:crypto';

import { parseDockerConfig, type DockerConfigEntry, type DockerConfigFormat } from './docker-config.ts';
import type { Credentials, Keychain, RepositoryName } from './types.ts';

/** A keychain and what was left out on the way to it: sentences without secrets, for a log or a status. */
export interface KeychainWithNotes {
  readonly keychain: Keychain;
  readonly notes: readonly string[];
}

// Of this process only: a plain hash of a weak password could be found by trying, and scopes are logged.
const SCOPE_KEY = randomBytes(32);

/** A short keyed hash that is equal for equal values within this process and says nothing of them. */
export function scopeOf(value: unknown): string {
  return createHmac('sha256', SCOPE_KEY).update(JSON.stringify(value)).digest('hex').slice(0, 32);
}

/** No credentials for anybody. */
export const anonymousKeychain: Keychain = { scope: 'anonymous', lookup: () => Promise.resolve(undefined) };

const DOCKER_HUB = 'index.docker.io';

/** How a repository is called in Docker config files: Docker Hub by its old name. */
function placeOf({ host, path }: RepositoryName): { readonly name: string; readonly port: string | undefined; readonly path: string } {
  const [, name = host, port] = /^(.*?)(?::(\d{1,5}))?$/.exec(host) ?? [];
  return { name: name === 'docker.io' || name === 'registry-1.docker.io' ? DOCKER_HUB : name, port, path };
}

const HUB_NAMES: ReadonlySet<string> = new Set(['docker.io', 'registry-1.docker.io']);

function hostMatches(pattern: string, host: string): boolean {
  const wanted = (HUB_NAMES.has(pattern) ? DOCKER_HUB : pattern).split('.');
  const labels = host.split('.');
  if (wanted.length !== labels.length) return false;
  return wanted.every((glob, at) => labelMatches(glob, labels[at] ?? ''));
}

/** `*` and `?` within one label, in linear time: the pattern may come from a tenant's secret. */
function labelMatches(glob: string, label: string): boolean {
  let [at, place, star, resume] = [0, 0, -1, 0];
  while (place < label.length) {
    if (glob[at] === '*') {
      star = at;
      resume = place;
      at += 1;
    } else if (glob[at] === '?' || glob[at] === label[place]) {
      at += 1;
      place += 1;
    } else if (star >= 0) {
      resume += 1;
      place = resume;
      at = star + 1;
    } else {
      return false;
    }
  }
  while (glob[at] === '*') at += 1;
  return at === glob.length;
}

/** Whether an entry is for this repository, as the kubelet matches them; paths by whole segments. */
export function entryMatches(entry: Pick<DockerConfigEntry, 'host' | 'port' | 'path'>, repository: RepositoryName): boolean {
  const { name, port, path } = placeOf(repository);
  if (entry.port !== port || !hostMatches(entry.host, name)) return false;
  return entry.path === '' || path === entry.path || path.startsWith(`${entry.path}/`);
}

const isWildcard = ({ host }: DockerConfigEntry): boolean => /[*?]/.test(host);

/** The most specific first: longer paths, then hosts without wildcards, then as they were written. */
function bySpecificity(a: DockerConfigEntry, b: DockerConfigEntry): number {
  return b.path.length - a.path.length || Number(isWildcard(a)) - Number(isWildcard(b));
}

/** A keychain of entries as Docker config files have them. */
export function entriesKeychain(entries: readonly DockerConfigEntry[]): Keychain {
  if (entries.length === 0) return anonymousKeychain;
  const sorted = entries.toSorted(bySpecificity);
  return {
    scope: scopeOf(sorted),
    lookup: (repository) => Promise.resolve(sorted.find((entry) => entryMatches(entry, repository))?.credentials),
  };
}

/**
 * The keychain of a pull secret or of a mounted config file. Credential helpers are not run: whoever wrote the secret
 * would choose a program that we execute; they are named in the notes. Throws `DockerConfigError`.
 */
export function dockerConfigKeychain(bytes: Uint8Array, format: DockerConfigFormat, source: string): KeychainWithNotes {
  const { entries, helpers, notes } = parseDockerConfig(bytes, format, source);
  const ignored = helpers.size === 0 ? [] : [`${source}: credential helpers (credHelpers, credsStore) are not run from here and were ignored`];
  return { keychain: entriesKeychain(entries), notes: [...notes, ...ignored] };
}

/** The same credentials for every registry, or for these hosts only (`--registry-username`, `--registry-token`). */
export function staticKeychain(credentials: Credentials, hosts?: readonly string[]): Keychain {
  return {
    scope: scopeOf(['static', credentials, hosts]),
    lookup: ({ host }) => Promise.resolve(hosts === undefined || hosts.includes(host) ? credentials : undefined),
  };
}

/** Asks each keychain in order; the first that has credentials for a repository is used. */
export function mergeKeychains(keychains: readonly Keychain[]): Keychain {
  const distinct = keychains.filter(({ scope }, at) => scope !== anonymousKeychain.scope && keychains.findIndex((one) => one.scope === scope) === at);
  const [first] = distinct;
  if (first === undefined) return anonymousKeychain;
  if (distinct.length === 1) return first;
  return {
    scope: scopeOf(distinct.map(({ scope }) => scope)),
    async lookup(repository) {
      for (const keychain of distinct) {
        const credentials = await keychain.lookup(repository);
        if (credentials !== undefined) return credentials;
      }
      return undefined;
    },
  };
}
