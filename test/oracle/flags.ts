import { certificatePem, type HashName } from '../support/sigstore/keys.ts';
import { issueLeaf } from '../support/sigstore/authority.ts';
import type { TestSigner } from '../support/sigstore/sign.ts';
import { CLAIMS, type Cast } from './cast.ts';
import type { Dice } from './dice.ts';

/** What the flags should fit to. */
export interface Signing {
  readonly signer: TestSigner;
  readonly logged: boolean;
  readonly stamped: boolean;
  readonly hash: HashName | undefined;
  readonly annotations: Readonly<Record<string, unknown>> | undefined;
}

/** Flags by name, values in order; the value `''` of a switch stands for the bare flag. `files` are written for the case. */
export interface FlagSet {
  readonly flags: Map<string, string[]>;
  readonly files: Map<string, string>;
  readonly env: Record<string, string>;
  /** What was made different, for the name of the case. */
  readonly changes: string[];
}

const CLAIM_FLAGS: Readonly<Record<string, string>> = {
  githubWorkflowTrigger: 'trigger',
  githubWorkflowSha: 'sha',
  githubWorkflowName: 'name',
  githubWorkflowRepository: 'repository',
  githubWorkflowRef: 'ref',
};

/** Flags with which a verification of what was signed like this should pass; now and then in another form that means the same. */
export function fittingFlags(cast: Cast, dice: Dice, signing: Signing): FlagSet {
  const set: FlagSet = { flags: new Map(), files: new Map(), env: {}, changes: [] };
  const { flags } = set;
  if (signing.signer.kind === 'key') keyFlags(cast, dice, signing, set);
  else identityFlags(dice, signing.signer, set);
  if (!signing.logged) flags.set(dice.chance(0.9) ? 'insecure-ignore-tlog' : 'private-infrastructure', [dice.pick(['', 'true', '1'])]);
  if (signing.stamped && (!signing.logged || dice.chance(0.3))) flags.set('use-signed-timestamps', ['']);
  if (dice.chance(0.15)) flags.set('output', [dice.pick(['text', 'json', 'other'])]);
  const annotated = Object.entries(signing.annotations ?? {}).filter(([, value]) => typeof value === 'string');
  if (annotated.length > 0 && dice.chance(0.6)) flags.set('annotations', annotated.map(([name, value]) => `${name}=${String(value)}`));
  return set;
}

function keyFlags(cast: Cast, dice: Dice, { signer, hash, logged, stamped }: Signing, { flags, files, env, changes }: FlagSet): void {
  if (signer.kind !== 'key') return;
  const { key } = signer;
  const form = dice.weighted({ spki: 80, env: 5, certificate: 6, pkcs1: key.type.startsWith('RSA') ? 30 : 0, crLf: 2, twice: 2, text: 2 });
  const pem = {
    spki: () => key.pem,
    env: () => key.pem,
    certificate: () => certificatePem(issueLeaf(cast.own.authority, { spki: key.spki, at: cast.own.now(), subject: 'ada@example.com', issuer: 'https://x.test' })),
    pkcs1: () => key.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
    crLf: () => key.pem.replaceAll('\n', '\r\n'),
    twice: () => key.pem + cast.key('P-256', true).key.pem,
    text: () => `a key\n${key.pem}after\n`,
  }[form]();
  if (form !== 'spki') changes.push(`key.${form}`);
  if (form === 'env') env['THE_KEY'] = pem;
  else files.set('key.pub', pem);
  flags.set('key', [form === 'env' ? 'env://THE_KEY' : 'FILES/key.pub']);
  if (hash !== undefined && hash !== 'sha256' && dice.chance(0.8)) flags.set('signature-digest-algorithm', [hash]);
  if (!logged && !stamped && dice.chance(0.5)) changes.push('root.none');
}

function identityFlags(dice: Dice, signer: TestSigner & { readonly kind: 'keyless' }, { flags, changes }: FlagSet): void {
  const { subject, issuer, claims } = signer;
  const form = dice.weighted({ exact: 70, regexp: 15, mixed: 10, bothIssuers: 5 });
  if (form !== 'exact') changes.push(`identity.${form}`);
  if (form === 'regexp') flags.set('certificate-identity-regexp', [dice.pick([`^${RegExp.escape(subject).replaceAll('\\x2d', '-')}$`, subject.slice(0, 3), '.*', '(?i)ADA|GITHUB', '[[:alpha:]]+'])]);
  else flags.set('certificate-identity', [subject]);
  if (form === 'regexp' || form === 'mixed') flags.set('certificate-oidc-issuer-regexp', [dice.pick(['^https://', 'example|github', '.+', '\\Ahttps'])]);
  else flags.set('certificate-oidc-issuer', [issuer]);
  if (form === 'bothIssuers') flags.set('certificate-oidc-issuer-regexp', [dice.pick(['^https://', 'nobody'])]);
  for (const [claim, flag] of Object.entries(CLAIM_FLAGS)) {
    if (claims[claim] !== undefined && dice.chance(0.15)) flags.set(`certificate-github-workflow-${flag}`, [claims[claim]]);
  }
}

type Change = (set: FlagSet, cast: Cast, dice: Dice) => void;
const put = (name: string, ...values: readonly string[]): Change => ({ flags }) => void flags.set(name, [...values]);
const drop = (...names: readonly string[]): Change => ({ flags }) => names.forEach((name) => flags.delete(name));
const onlyKey = (pem: string): Change => ({ flags, files }) => {
  for (const name of flags.keys()) if (name.startsWith('certificate-')) flags.delete(name);
  flags.set('key', ['FILES/key.pub']);
  files.set('key.pub', pem);
};

/** Flags that ask for something else than what was signed, or in a way that cosign has an opinion about. */
export const FLAG_CHANGES: Readonly<Record<string, Change>> = {
  'flag.otherIdentity': ({ flags }) => flags.has('certificate-identity') && flags.set('certificate-identity', ['eve@example.com']),
  'flag.identityOtherCase': ({ flags }) => flags.has('certificate-identity') && flags.set('certificate-identity', [(flags.get('certificate-identity')?.[0] ?? '').toUpperCase()]),
  'flag.identityPart': ({ flags }) => flags.has('certificate-identity') && flags.set('certificate-identity', [(flags.get('certificate-identity')?.[0] ?? '').slice(0, -1)]),
  'flag.otherIssuer': ({ flags }) => flags.has('certificate-oidc-issuer') && flags.set('certificate-oidc-issuer', ['https://evil.test']),
  'flag.otherRegexp': ({ flags }) => flags.has('certificate-identity') && (flags.delete('certificate-identity'), flags.set('certificate-identity-regexp', ['^nobody$'])),
  'flag.badRegexp': ({ flags }) => flags.has('certificate-identity') && (flags.delete('certificate-identity'), flags.set('certificate-identity-regexp', ['(a'])),
  'flag.lookahead': ({ flags }) => flags.has('certificate-identity') && (flags.delete('certificate-identity'), flags.set('certificate-identity-regexp', ['(?=a)a'])),
  'flag.badIssuerRegexp': ({ flags }) => flags.has('certificate-oidc-issuer') && (flags.delete('certificate-oidc-issuer'), flags.set('certificate-oidc-issuer-regexp', ['[z-a]'])),
  'flag.noIdentity': drop('certificate-identity', 'certificate-identity-regexp'),
  'flag.noIssuer': drop('certificate-oidc-issuer', 'certificate-oidc-issuer-regexp'),
  'flag.emptyIdentity': ({ flags }) => flags.has('certificate-identity') && flags.set('certificate-identity', ['']),
  'flag.keyAndIdentity': ({ flags, files }, cast) => (flags.set('key', ['FILES/key.pub']), files.set('key.pub', cast.key('P-256').key.pem), flags.set('certificate-identity', ['a'])),
  'flag.bothIdentities': ({ flags }) => (flags.set('certificate-identity-regexp', ['.*']), flags.set('certificate-identity', ['a'])),
  'flag.otherKey': (set, cast) => onlyKey(cast.key('P-256', true).key.pem)(set, cast, undefined as never),
  'flag.otherKeyRsa': (set, cast) => onlyKey(cast.key('RSA-2048', true).key.pem)(set, cast, undefined as never),
  'flag.otherKeyEd25519': (set, cast) => onlyKey(cast.key('Ed25519', true).key.pem)(set, cast, undefined as never),
  'flag.keyGarbage': onlyKey('no key'),
  'flag.keyEmpty': onlyKey(''),
  'flag.keyMalformed': onlyKey('-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n'),
  'flag.keyPrivate': (set, cast) => onlyKey(cast.key('P-256').key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())(set, cast, undefined as never),
  'flag.keyMissing': ({ flags }) => flags.has('key') && flags.set('key', ['FILES/nothing.pub']),
  'flag.keyFromEnvMissing': ({ flags }) => flags.has('key') && flags.set('key', ['env://NOT_THERE']),
  'flag.ignoreTlog': put('insecure-ignore-tlog', ''),
  'flag.ignoreTlogFalse': put('insecure-ignore-tlog', 'false'),
  'flag.requireTlog': drop('insecure-ignore-tlog', 'private-infrastructure'),
  'flag.private': put('private-infrastructure', ''),
  'flag.ignoreSct': put('insecure-ignore-sct', ''),
  'flag.timestamps': put('use-signed-timestamps', ''),
  'flag.noTimestamps': drop('use-signed-timestamps'),
  'flag.timestampsNoTlog': ({ flags }) => (flags.set('use-signed-timestamps', ['']), flags.set('insecure-ignore-tlog', [''])),
  'flag.offline': put('offline', ''),
  'flag.legacyOnly': put('new-bundle-format', 'false'),
  'flag.bundles': put('new-bundle-format', ''),
  'flag.noClaims': put('check-claims', 'false'),
  'flag.text': put('output', 'text'),
  'flag.sha224': put('signature-digest-algorithm', 'sha224'),
  'flag.sha384': put('signature-digest-algorithm', 'sha384'),
  'flag.sha512': put('signature-digest-algorithm', 'sha512'),
  'flag.md5': put('signature-digest-algorithm', 'md5'),
  'flag.annotation': put('annotations', 'env=prod'),
  'flag.annotationOther': put('annotations', 'env=dev'),
  'flag.annotationsTwo': put('annotations', 'env=prod,version=1.0'),
  'flag.annotationsTwice': put('annotations', 'env=prod', 'version=2.0'),
  'flag.annotationMalformed': put('annotations', 'env'),
  'flag.annotationEmpty': put('annotations', 'env='),
  'flag.annotationNumber': put('annotations', 'n=1'),
  'flag.annotationProto': put('annotations', '__proto__=x'),
  'flag.annotationConstructor': put('annotations', 'constructor=y'),
  'flag.trigger': put('certificate-github-workflow-trigger', CLAIMS['githubWorkflowTrigger'] ?? ''),
  'flag.triggerOther': put('certificate-github-workflow-trigger', 'schedule'),
  'flag.shaOther': put('certificate-github-workflow-sha', 'abcd'),
  'flag.nameOther': put('certificate-github-workflow-name', 'Other'),
  'flag.repositoryOther': put('certificate-github-workflow-repository', 'evil/app'),
  'flag.refOther': put('certificate-github-workflow-ref', 'refs/heads/evil'),
  'flag.oneWorker': put('max-workers', '1'),
  'flag.noWorker': put('max-workers', '0'),
  'flag.unknown': put('no-such-flag', 'x'),
  'flag.badSwitch': put('check-claims', 'perhaps'),
};

/** The flags as arguments, in either form that is allowed for each. */
export function argumentsOf({ flags }: FlagSet, dice: Dice): string[] {
  return [...flags].flatMap(([name, values]) =>
    values.flatMap((value) => {
      if (value === '' && SWITCHES.has(name)) return [`--${name}`];
      return SWITCHES.has(name) || dice.chance(0.5) ? [`--${name}=${value}`] : [`--${name}`, value];
    }),
  );
}

const SWITCHES: ReadonlySet<string> = new Set(['insecure-ignore-tlog', 'private-infrastructure', 'insecure-ignore-sct', 'use-signed-timestamps', 'offline', 'new-bundle-format', 'check-claims', 'no-such-flag']);
