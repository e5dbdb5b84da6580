import { messageOf } from '../base/errors.ts';
import type { RegistryClientOptions } from '../registry/client.ts';
import { DockerConfigError } from '../registry/docker-config.ts';
import type { KeychainWithNotes } from '../registry/keychain.ts';
import { anonymousKeychain, dockerConfigKeychain, staticKeychain } from '../registry/keychain.ts';
import type { PublicKey } from '../signatures/public-key.ts';
import { parsePublicKeys } from '../signatures/public-key.ts';
import type { TrustRoot } from '../signatures/trust-root.ts';
import { embeddedTrustRoot, loadTrustRoot } from '../signatures/trust-root.ts';
import type { CliContext } from './context.ts';
import type { Flags } from './verify-flags.ts';
import type { VerifyOptions } from './verify-options.ts';
import { VerifyError, fileError } from './verify-error.ts';

/** One request of `verify`; the whole command has its own, longer time. Milliseconds. */
const REQUEST_TIMEOUT = 30_000;

/** The public key of `--key`, if one was given. Throws {@link VerifyError}. */
export async function loadKey(options: VerifyOptions, context: CliContext): Promise<PublicKey | undefined> {
  const { keyReference, hashAlgorithm } = options;
  if (keyReference === undefined) return undefined;
  const pem = await readKey(keyReference, context);
  try {
    const [key, ...others] = parsePublicKeys(pem, hashAlgorithm);
    if (key === undefined || others.length > 0) throw new Error('the key text holds more than one key; verify with one at a time');
    return key;
  } catch (error) {
    throw keyError(messageOf(error), error);
  }
}

function keyError(why: string, cause?: unknown): VerifyError {
  return new VerifyError('Other', `loading verifier from key opts: loading public key: ${why}`, { cause });
}

async function readKey(reference: string, { env, readFile }: CliContext): Promise<string> {
  const [, scheme, rest = ''] = /^([a-z0-9]+):\/\/(.*)$/.exec(reference) ?? [];
  if (scheme === 'env') {
    const value = env[rest];
    if (value === undefined) throw keyError(`loading URL: env var ${JSON.stringify(`$${rest}`)} not found`);
    return value;
  }
  if (scheme !== undefined || reference.startsWith('pkcs11:')) {
    throw keyError(`${scheme === undefined ? 'pkcs11:' : `${scheme}://`} keys are not supported: export the public key (cosign public-key --key ${reference}) and give its file`);
  }
  try {
    return new TextDecoder().decode(await readFile(reference));
  } catch (error) {
    throw keyError(fileError(reference, error), error);
  }
}

/** The trusted root: the given one, else the public-good one of this build; none where nothing is verified against it. */
export async function loadTrust(options: VerifyOptions, { readFile }: CliContext): Promise<TrustRoot | undefined> {
  const { trustedRoot, keyReference, ignoreTlog, useSignedTimestamps } = options;
  if (trustedRoot === undefined) {
    return keyReference !== undefined && ignoreTlog && !useSignedTimestamps ? undefined : embeddedTrustRoot();
  }
  let json: string;
  try {
    json = new TextDecoder().decode(await readFile(trustedRoot));
  } catch (error) {
    throw rootError(`failed to read trusted root ${fileError(trustedRoot, error)}`, error);
  }
  try {
    return loadTrustRoot(json);
  } catch (error) {
    throw rootError(messageOf(error), error);
  }
}

function rootError(why: string, cause: unknown): VerifyError {
  return new VerifyError('Other', `setting trusted material: loading trusted root: ${why}`, { cause });
}

/** How registries are contacted. Throws {@link VerifyError}. */
export async function registryOptions(flags: Flags, { timeout }: VerifyOptions, { readFile, clock }: CliContext): Promise<RegistryClientOptions> {
  const insecure = flags.switches['allow-insecure-registry'] ?? false;
  const http = insecure || (flags.switches['allow-http-registry'] ?? false);
  const file = async (name: 'registry-cacert' | 'registry-client-cert' | 'registry-client-key'): Promise<Uint8Array | undefined> => {
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
    requestTimeout: Math.min(timeout, REQUEST_TIMEOUT),
    lookupTimeout: timeout,
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
export async function loadKeychain(flags: Flags, { env, readFile }: CliContext): Promise<KeychainWithNotes> {
  const { 'registry-username': username, 'registry-password': password, 'registry-token': registryToken } = flags.text;
  if (username && password) return { keychain: staticKeychain({ username, password }), notes: [] };
  if (registryToken) return { keychain: staticKeychain({ registryToken }), notes: [] };
  const folder = env['DOCKER_CONFIG'] || (env['HOME'] === undefined ? undefined : `${env['HOME']}/.docker`);
  if (folder === undefined) return { keychain: anonymousKeychain, notes: [] };
  const path = `${folder}/config.json`;
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch {
    // No docker config is the normal case of a machine where nobody logged in.
    return { keychain: anonymousKeychain, notes: [] };
  }
  try {
    return dockerConfigKeychain(bytes, 'config.json', path);
  } catch (error) {
    if (error instanceof DockerConfigError) throw new VerifyError('Other', `reading credentials: ${error.message}`, { cause: error });
    throw error;
  }
}
