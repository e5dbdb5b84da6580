import { CodedError } from '../base/errors.ts';

import type { Credentials } from './types.ts';

export type DockerConfigErrorCode = 'TooLarge' | 'NotJson' | 'Malformed';

/** Thrown by {@link parseDockerConfig}. The message names the place and holds nothing of the file's text. */
export class DockerConfigError extends CodedError<DockerConfigErrorCode> {}

/** Credentials for a registry host, a path in it, or hosts by wildcard. */
export interface DockerConfigEntry {
  /** Host labels as written, `*` matching within one label, without the port. */
  readonly host: string;
  /** Absent where none was written. */
  readonly port: string | undefined;
  /** Path in the registry, without slashes at its ends; empty for the whole host. */
  readonly path: string;
  readonly credentials: Credentials;
}

/** What a Docker config file says of credentials. */
export interface DockerConfig {
  readonly entries: readonly DockerConfigEntry[];
  /** Credential helpers by registry host (`credHelpers`); `''` is the one for all others (`credsStore`). */
  readonly helpers: ReadonlyMap<string, string>;
  /** What was left out, and why: sentences without secrets. */
  readonly notes: readonly string[];
}

/** `config.json` (`.dockerconfigjson`) keeps entries under `auths`; the older `.dockercfg` is that map alone. */
export type DockerConfigFormat = 'config.json' | 'dockercfg';

const MAX_BYTES = 1024 * 1024;
const MAX_ENTRIES = 1_000;
const MAX_SECRET = 64 * 1024;
/** Characters of a key; what names a registry or a path in it is shorter. */
const MAX_KEY = 1024;
const EMPTY = 'holds no credentials';

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

function unpadded(text: string): string {
  let end = text.length;
  while (end > 0 && text.codePointAt(end - 1) === 0) end -= 1;
  return text.slice(0, end);
}

/** User name and password of an `auth` field: base64 of `user:password`; Docker pads the password with NULs. */
function decodeAuth(auth: string): { readonly username: string; readonly password: string } | undefined {
  if (!/^[A-Za-z0-9+/_-]*={0,2}\s*$/.test(auth)) return undefined;
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: unpadded(text.slice(colon + 1)) };
}

/** The credentials of one entry, or why there are none. */
function credentialsOf(entry: unknown): Credentials | string {
  if (!isObject(entry)) return 'is not an object';
  const identityToken = textOf(entry['identitytoken']);
  const registryToken = textOf(entry['registrytoken']);
  const auth = textOf(entry['auth']);
  const decoded = auth === undefined ? undefined : decodeAuth(auth);
  if (auth !== undefined && decoded === undefined) return 'has an auth field that is not the base64 of user:password';
  const username = decoded?.username ?? textOf(entry['username']);
  const password = decoded?.password ?? textOf(entry['password']);
  if ([username, password, identityToken, registryToken].some((text) => (text?.length ?? 0) > MAX_SECRET)) return 'is too large';
  // A header cannot carry them, and a line break in one would start another header.
  if (registryToken !== undefined && !/^[\x21-\x7e]+$/.test(registryToken)) return 'has a registrytoken with characters that no header can carry';
  return fromParts(username, password, identityToken, registryToken);
}

function fromParts(username?: string, password?: string, identityToken?: string, registryToken?: string): Credentials | string {
  if (registryToken !== undefined) return { registryToken };
  if (identityToken !== undefined) return { identityToken };
  if (username === undefined || username === '' || password === undefined) return EMPTY;
  // Docker's sign for a refresh token in the place of a password.
  return username === '<token>' ? { identityToken: password } : { username, password };
}

/** Without the slashes at both ends. A pattern for those at the end takes time by the square of how many there are inside. */
function withoutSlashes(path: string): string {
  let [start, end] = [0, path.length];
  while (path[start] === '/') start += 1;
  while (end > start && path[end - 1] === '/') end -= 1;
  return path.slice(start, end);
}

/** Host, port and path of a key such as `https://index.docker.io/v1/`, `gcr.io/team` or `*.acme.example:5000`. */
function placeOf(key: string): Pick<DockerConfigEntry, 'host' | 'port' | 'path'> | undefined {
  if (key.length > MAX_KEY) return undefined;
  const bare = key.trim().replace(/^https?:\/\//i, '');
  const [, host = '', port, rest = ''] = /^([A-Za-z0-9.*?-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?(\/.*)?$/.exec(bare) ?? [];
  if (host === '') return undefined;
  // As the kubelet: /v1/ and /v2/ say how Docker spoke to a registry, not where in it.
  const path = withoutSlashes(rest.replace(/^\/v[12](?:\/|$)/, '/'));
  return { host: host.toLowerCase(), port: port === '443' ? undefined : port, path };
}

function helpersOf(config: Json): Map<string, string> {
  const helpers = new Map<string, string>();
  const store = textOf(config['credsStore']);
  if (store !== undefined) helpers.set('', store);
  const byHost = config['credHelpers'];
  if (!isObject(byHost)) return helpers;
  for (const [key, value] of Object.entries(byHost).slice(0, MAX_ENTRIES)) {
    const helper = textOf(value);
    const [host = ''] = key.toLowerCase().replace(/^https?:\/\//, '').split('/', 1);
    if (helper !== undefined && key.length <= MAX_KEY) helpers.set(host, helper);
  }
  return helpers;
}

function jsonOf(bytes: Uint8Array, source: string): Json {
  if (bytes.length > MAX_BYTES) throw new DockerConfigError('TooLarge', `${source} has more than ${MAX_BYTES} bytes`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    // Without a cause: the parser's message quotes the text, which holds passwords.
    throw new DockerConfigError('NotJson', `${source} is not JSON`);
  }
  if (!isObject(parsed)) throw new DockerConfigError('Malformed', `${source} is not a JSON object`);
  return parsed;
}

/**
 * Reads a Docker config file or the bytes of a pull secret; `source` names it in messages. An entry that cannot be used
 * is left out with a note, so that one bad line does not take away the others. Throws {@link DockerConfigError}.
 */
export function parseDockerConfig(bytes: Uint8Array, format: DockerConfigFormat, source: string): DockerConfig {
  const config = jsonOf(bytes, source);
  const auths = format === 'dockercfg' ? config : (config['auths'] ?? {});
  if (!isObject(auths)) throw new DockerConfigError('Malformed', `${source}: auths is not a JSON object`);
  const keys = Object.keys(auths);
  if (keys.length > MAX_ENTRIES) throw new DockerConfigError('TooLarge', `${source} has more than ${MAX_ENTRIES} entries`);
  const helpers = format === 'dockercfg' ? new Map<string, string>() : helpersOf(config);
  const entries: DockerConfigEntry[] = [];
  const notes: string[] = [];
  for (const key of keys) {
    const place = placeOf(key);
    const credentials = credentialsOf(auths[key]);
    if (place !== undefined && typeof credentials !== 'string') {
      entries.push({ ...place, credentials });
      continue;
    }
    const problem = typeof credentials === 'string' ? credentials : 'is not named after a registry';
    // With a helper, Docker leaves empty entries behind for the registries that it has logged in to.
    if (problem !== EMPTY || helpers.size === 0) notes.push(`${source}: the entry ${JSON.stringify(key.slice(0, 128))} ${problem}`);
  }
  return { entries, helpers, notes };
}
