import type { Command } from 'commander';
import type { Digest } from '../base/digest.ts';
import { digestOf } from '../base/digest.ts';
import { messageOf } from '../base/errors.ts';
import { printable } from '../base/text.ts';
import { OPERATOR } from '../signatures/profile.ts';
import { prove } from '../signatures/prove.ts';
import { parsePublicKeys } from '../signatures/public-key.ts';
import { embeddedTrustRoot, loadTrustRoot } from '../signatures/trust-root.ts';
import type { TrustRoot } from '../signatures/trust-root.ts';
import type { Artifact, Profile, Proof, Requirement } from '../signatures/types.ts';
import type { BundleQuestion } from './conformance-flags.ts';
import { ProtocolError, readQuestion } from './conformance-flags.ts';
import type { CliContext } from './context.ts';

/** The operator's rules, but for two of the clients that the suite was made for: an entry that is given twice is refused, one that has an envelope by its hash counts. */
const PROFILE: Profile = Object.freeze({ ...OPERATOR, duplicateLogEntries: 'Refuse', hashedEnvelopes: true });

const REFUSED: ReadonlySet<string> = new Set(['sign', 'sign-bundle', 'verify']);

/**
 * Adds `conformance`, which is not in the help: the client under test of sigstore-conformance (docs/cli_protocol.md), so that its
 * public suite can be run against this verifier as it is.
 */
export function addConformanceCommand(program: Command, context: CliContext): void {
  program
    .command('conformance', { hidden: true })
    .description('The client protocol of sigstore-conformance: verify-bundle.')
    .usage('verify-bundle --bundle FILE (--certificate-identity IDENTITY --certificate-oidc-issuer URL | --key FILE) [--trusted-root FILE] FILE_OR_DIGEST')
    .allowUnknownOption()
    .argument('[args...]')
    .action(async (args: readonly string[]) => {
      context.setExitCode(await conformance(args, context));
    });
}

/** Runs one command of the protocol and returns its exit code: 0 for a bundle that verifies, 1 for everything else. */
export async function conformance([command = '', ...args]: readonly string[], context: CliContext): Promise<number> {
  try {
    if (REFUSED.has(command)) throw new ProtocolError('NotSupported', refusal(command));
    if (command !== 'verify-bundle') throw new ProtocolError('Usage', `unknown command ${JSON.stringify(command)}: verify-bundle is what can be asked`);
    await verifyBundle(readQuestion(args), context);
    context.stderr('Verified OK\n');
    return 0;
  } catch (error) {
    context.stderr(`Error: ${printable(messageOf(error, 4096))}\n`);
    return 1;
  }
}

function refusal(command: string): string {
  return command === 'verify'
    ? 'verify is not supported: detached signatures and certificates went out of the protocol; use verify-bundle'
    : `${command} is not supported: Assay verifies signatures and makes none; run the suite without its signing tests (skip-signing)`;
}

async function verifyBundle(question: BundleQuestion, context: CliContext): Promise<void> {
  const { signer } = question;
  const artifact = await readArtifact(question.artifact, context);
  const requirement: Requirement = {
    ...('keyFile' in signer ? { key: onlyKey(await readText(signer.keyFile, context)) } : {}),
    trust: await readTrustRoot(question, context),
    log: 'Required',
    timestamp: 'NotAsked',
    sct: 'Required',
    wants: 'Attestation',
    profile: PROFILE,
    now: context.clock.now(),
  };
  const proof = prove({ format: 'bundle', location: question.bundle, bytes: await context.readFile(question.bundle), artifact }, requirement);
  const digest: Digest = 'bytes' in artifact ? digestOf(artifact.bytes) : artifact.digest;
  if (!proof.digests.includes(digest)) throw new Error(`the statement names ${proof.digests.join(', ') || 'nothing by its SHA-256'}, and the artifact is ${digest}`);
  if (!('keyFile' in signer)) checkIdentity(proof, signer);
}

const DIGEST = /^sha256:[0-9a-f]{64}$/i;

/** What looks like a digest is one unless there is a file of this name (docs/cli_protocol.md, FILE_OR_DIGEST). */
async function readArtifact(text: string, { readFile }: CliContext): Promise<Artifact> {
  try {
    return { bytes: await readFile(text) };
  } catch (error) {
    if (!DIGEST.test(text)) throw error;
    return { digest: text.toLowerCase() as Digest };
  }
}

async function readTrustRoot({ trustedRoot }: BundleQuestion, context: CliContext): Promise<TrustRoot> {
  return trustedRoot === undefined ? embeddedTrustRoot() : loadTrustRoot(await readText(trustedRoot, context));
}

async function readText(path: string, { readFile }: CliContext): Promise<string> {
  return new TextDecoder().decode(await readFile(path));
}

function onlyKey(pem: string): NonNullable<Requirement['key']> {
  const [key, ...others] = parsePublicKeys(pem);
  if (key === undefined || others.length > 0) throw new Error('the key file has more than one key');
  return key;
}

function checkIdentity({ certificate }: Proof, wanted: { readonly subject: string; readonly issuer: string }): void {
  const [subject] = certificate?.subjects ?? [];
  if (subject !== wanted.subject) throw new Error(`the certificate is that of ${JSON.stringify(subject)}, and ${JSON.stringify(wanted.subject)} is wanted`);
  const issuer = certificate?.issuer;
  if (issuer !== wanted.issuer) throw new Error(`the issuer of the certificate's identity is ${JSON.stringify(issuer)}, and ${JSON.stringify(wanted.issuer)} is wanted`);
}
