import { CodedError } from '../base/errors.ts';

/** What `verify-bundle` was asked to do. */
export interface BundleQuestion {
  readonly bundle: string;
  readonly trustedRoot?: string;
  readonly staging: boolean;
  /** The signer that is wanted: the holder of a key, or of a certificate. */
  readonly signer: { readonly keyFile: string } | { readonly subject: string; readonly issuer: string };
  /** A path, or `sha256:` and 64 hexadecimal digits. */
  readonly artifact: string;
}

/** Thrown for arguments that the protocol does not know, or does not allow together. */
export class ProtocolError extends CodedError<'Usage' | 'NotSupported'> {}

const FLAGS: ReadonlySet<string> = new Set(['bundle', 'certificate-identity', 'certificate-oidc-issuer', 'key', 'trusted-root']);

/** Reads the arguments after `verify-bundle` (sigstore-conformance, docs/cli_protocol.md). Throws {@link ProtocolError}. */
export function readQuestion(args: readonly string[]): BundleQuestion {
  const { values, staging, positionals } = split(args);
  const [artifact, ...others] = positionals;
  if (artifact === undefined || others.length > 0) throw new ProtocolError('Usage', `one artifact is needed, a file or sha256:HEX, and ${positionals.length} are given`);
  const bundle = values.get('bundle');
  if (bundle === undefined) throw new ProtocolError('Usage', '--bundle is needed');
  const trustedRoot = values.get('trusted-root');
  if (staging && trustedRoot === undefined) {
    throw new ProtocolError('NotSupported', '--staging needs --trusted-root: the keys of the staging instance are not part of this build');
  }
  return { bundle, staging, artifact, signer: signerOf(values), ...(trustedRoot === undefined ? {} : { trustedRoot }) };
}

function signerOf(values: ReadonlyMap<string, string>): BundleQuestion['signer'] {
  const [keyFile, subject, issuer] = ['key', 'certificate-identity', 'certificate-oidc-issuer'].map((name) => values.get(name));
  if (keyFile !== undefined) {
    if (subject === undefined && issuer === undefined) return { keyFile };
    throw new ProtocolError('Usage', '--key excludes --certificate-identity and --certificate-oidc-issuer');
  }
  // An empty one would be anybody's.
  if (!subject || !issuer) throw new ProtocolError('Usage', 'either --key, or both --certificate-identity and --certificate-oidc-issuer are needed');
  return { subject, issuer };
}

interface Split {
  readonly values: ReadonlyMap<string, string>;
  readonly staging: boolean;
  readonly positionals: readonly string[];
}

function split(args: readonly string[]): Split {
  const values = new Map<string, string>();
  const positionals: string[] = [];
  let staging = false;
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? '';
    if (arg === '--staging') {
      staging = true;
    } else if (arg.startsWith('--')) {
      const name = arg.slice(2);
      const value = args[at + 1];
      if (!FLAGS.has(name)) throw new ProtocolError('Usage', `unknown flag: ${arg}`);
      if (value === undefined) throw new ProtocolError('Usage', `flag needs an argument: ${arg}`);
      if (values.has(name)) throw new ProtocolError('Usage', `${arg} is given twice`);
      values.set(name, value);
      at += 1;
    } else {
      positionals.push(arg);
    }
  }
  return { values, staging, positionals };
}
