import type { Authority } from './authority.ts';
import { KEY_DETAILS, type KeyPair } from './keys.ts';
import type { Log } from './log.ts';
import type { TimestampAuthority } from './timestamp.ts';

/** The four services of one private Sigstore, and its second log. */
export interface Services {
  readonly authority: Authority;
  readonly rekorV1: Log;
  readonly rekorV2: Log;
  readonly timestampAuthority: TimestampAuthority;
}

/** The lists of a trusted root. */
export type TrustedPart = 'tlogs' | 'certificateAuthorities' | 'ctlogs' | 'timestampAuthorities';

/** A period of trust, as text of RFC 3339. */
export interface Period {
  readonly start: string;
  readonly end?: string;
}

interface TrustedLog {
  baseUrl: string;
  hashAlgorithm: string;
  publicKey: { rawBytes: string; keyDetails: string; validFor: Period };
  logId: { keyId: string };
}

interface TrustedAuthority {
  subject: { organization: string; commonName: string };
  uri: string;
  certChain: { certificates: { rawBytes: string }[] };
  validFor: Period;
}

/** A trusted root in JSON (protobuf-specs, sigstore_trustroot.proto): plain data that a test may edit further. */
export interface TrustedRootJson {
  mediaType: string;
  tlogs: TrustedLog[];
  certificateAuthorities: TrustedAuthority[];
  ctlogs: TrustedLog[];
  timestampAuthorities: TrustedAuthority[];
}

/** What is trusted of these services: `without` leaves lists empty, `periods` says from when until when a list is trusted. */
export interface TrustedRootOptions {
  /** Milliseconds; trust starts five years before. */
  readonly at: number;
  readonly without?: readonly TrustedPart[];
  readonly periods?: Partial<Readonly<Record<TrustedPart, Period>>>;
}

/** The trusted root of one or several private Sigstores, Rekor v1 before v2. */
export function trustedRoot(worlds: readonly Services[], options: TrustedRootOptions): TrustedRootJson {
  const always: Period = { start: new Date(options.at - 5 * 365 * 24 * 3600 * 1000).toISOString() };
  const period = (part: TrustedPart): Period => options.periods?.[part] ?? always;
  const list = <T>(part: TrustedPart, make: (services: Services) => T[]): T[] =>
    options.without?.includes(part) === true ? [] : worlds.flatMap(make);
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: list('tlogs', (s) => [s.rekorV1, s.rekorV2].map((log) => trustedLog(log, period('tlogs')))),
    certificateAuthorities: list('certificateAuthorities', ({ authority }) => [
      trustedAuthority(
        { organization: authority.name, commonName: 'fulcio' },
        `https://fulcio.${authority.name}`,
        [authority.intermediate.certificate, authority.root.certificate],
        period('certificateAuthorities'),
      ),
    ]),
    ctlogs: list('ctlogs', ({ authority }) => [trustedLog(authority.ctLog, period('ctlogs'))]),
    timestampAuthorities: list('timestampAuthorities', ({ timestampAuthority, authority }) => [
      trustedAuthority(
        { organization: authority.name, commonName: 'timestamps' },
        timestampAuthority.url,
        timestampAuthority.chain,
        period('timestampAuthorities'),
      ),
    ]),
  };
}

function trustedLog(log: { key: KeyPair; logId: Buffer; baseUrl: string }, validFor: Period): TrustedLog {
  return {
    baseUrl: log.baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes: log.key.spki.toString('base64'), keyDetails: KEY_DETAILS[log.key.type], validFor },
    logId: { keyId: log.logId.toString('base64') },
  };
}

function trustedAuthority(
  subject: TrustedAuthority['subject'],
  uri: string,
  chain: readonly Buffer[],
  validFor: Period,
): TrustedAuthority {
  return {
    subject,
    uri,
    certChain: { certificates: chain.map((certificate) => ({ rawBytes: certificate.toString('base64') })) },
    validFor,
  };
}
