import type { RegistryClientOptions } from '../registry/client.ts';
import { helperKeychain } from '../registry/credential-helper.ts';
import { DockerConfigError, parseDockerConfig } from '../registry/docker-config.ts';
import type { DockerConfig } from '../registry/docker-config.ts';
import type { KeychainWithNotes } from '../registry/keychain.ts';
import { anonymousKeychain, entriesKeychain, mergeKeychains, staticKeychain } from '../registry/keychain.ts';
import { proxyOf } from '../trust/environment.ts';
import type { CliContext } from './context.ts';
import { findProgram } from './programs.ts';
import { VerifyError, fileError } from './verify-error.ts';
import type { FlagName, Flags } from './verify-flags.ts';
import type { VerifyOptions } from './verify-options.ts';

/** One request of `verify`; the whole command has its own, longer time. Milliseconds. */
const REQUEST_TIMEOUT = 30_000;
/** A helper may ask its user for a finger or a password. Milliseconds. */
const HELPER_TIMEOUT = 60_000;

/** How registries are contacted. Throws {@link VerifyError}. */
export async function registryOptions(flags: Flags, { timeout, verbose }: VerifyOptions, { env, readFile, clock, stderr }: CliContext): Promise<RegistryClientOptions> {
  const insecure = flags.switches['allow-insecure-registry'] ?? false;
  const http = insecure || (flags.switches['allow-http-registry'] ?? false);
  const file = async (name: FlagName): Promise<Uint8Array | undefined> => {
    const path = flags.text[name];
    if (path === undefined || path === '') return undefined;
    try {
      return await readFile(path);
    } catch (error) {
      throw new VerifyError('Other', `--${name}: ${fileError(path, error)}`, { cause: error });
    }
  };
  const [ca, cert, key] = [await file('registry-cacert'), await file('registry-client-cert'), await file('registry-client-key')];
  const serverName = flags.text['registry-server-name'];
  return {
    clock,
    hosts: { unlisted: http ? 'http' : 'cosign' },
    proxy: proxyOf(env),
    requestTimeout: Math.max(1, Math.min(timeout, REQUEST_TIMEOUT)),
    lookupTimeout: Math.max(1, timeout),
    ...(verbose ? { onRequest: ({ kind, code, seconds, host }) => stderr(`${host}: ${kind} request ended with ${code} after ${(seconds * 1000).toFixed(0)} ms\n`) } : {}),
    tls: {
      insecure,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(serverName === undefined || serverName === '' ? {} : { serverName }),
    },
  };
}

/** Whose credentials are used, in cosign's order: user and password, token, the user's docker config. Throws {@link VerifyError}. */
export async function loadKeychain(flags: Flags, context: CliContext): Promise<KeychainWithNotes> {
  const { 'registry-username': username, 'registry-password': password, 'registry-token': registryToken } = flags.text;
  if (username && password) return { keychain: staticKeychain({ username, password }), notes: [] };
  if (registryToken) return { keychain: staticKeychain({ registryToken }), notes: [] };
  for (const path of configPaths(context.env)) {
    let bytes: Uint8Array;
    try {
      bytes = await context.readFile(path);
    } catch {
      // No such file is the normal case of a machine where nobody logged in.
      continue;
    }
    return userKeychain(readConfig(bytes, path), context);
  }
  return { keychain: anonymousKeychain, notes: [] };
}

/** Docker's file, else podman's (go-containerregistry, pkg/authn). */
function configPaths({ DOCKER_CONFIG: folder, HOME: home, REGISTRY_AUTH_FILE: file, XDG_RUNTIME_DIR: runtime }: CliContext['env']): readonly string[] {
  return [
    ...(folder ? [`${folder}/config.json`] : home ? [`${home}/.docker/config.json`] : []),
    ...(file ? [file] : []),
    ...(runtime ? [`${runtime}/containers/auth.json`] : []),
  ];
}

function readConfig(bytes: Uint8Array, path: string): DockerConfig {
  try {
    return parseDockerConfig(bytes, 'config.json', path);
  } catch (error) {
    if (error instanceof DockerConfigError) throw new VerifyError('Other', `reading credentials: ${error.message}`, { cause: error });
    throw error;
  }
}

/** The user's own config may name programs to be run, as nobody else's may; a registry that has a helper is not looked up in the file. */
async function userKeychain(config: DockerConfig, { env, clock }: CliContext): Promise<KeychainWithNotes> {
  const { entries, helpers, notes } = config;
  const names = new Set(helpers.values());
  const allowed: Record<string, string> = {};
  const missing: string[] = [];
  for (const name of names) {
    const program = await findProgram(`docker-credential-${name}`, env);
    if (program === undefined) missing.push(`the credential helper docker-credential-${name} is not in PATH and was left out`);
    else allowed[name] = program;
  }
  const environment = Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
  const found = new Map([...helpers].filter(([, name]) => Object.hasOwn(allowed, name)));
  const helped = helperKeychain({ ...config, helpers: found }, { allowed, environment, timeout: HELPER_TIMEOUT, clock });
  const keychain = mergeKeychains([...(found.size === 0 ? [] : [helped.keychain]), entriesKeychain(entries)]);
  return { keychain, notes: [...notes, ...missing] };
}

