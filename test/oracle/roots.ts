import { trustedRoot, type TrustedPart, type TrustedRootJson } from '../support/sigstore/trusted-root.ts';
import type { Cast } from './cast.ts';

const YEAR = 365 * 24 * 3_600_000;
const PARTS: readonly TrustedPart[] = ['tlogs', 'certificateAuthorities', 'ctlogs', 'timestampAuthorities'];

/** The trusted root of a case, as the text of its file. */
export type RootMaker = (cast: Cast) => string;

const whole = (cast: Cast): TrustedRootJson => trustedRoot([cast.own, cast.odd], { at: cast.own.now() });
const edited = (change: (root: Record<string, unknown> & TrustedRootJson, cast: Cast) => void): RootMaker => (cast) => {
  const root = structuredClone(whole(cast)) as Record<string, unknown> & TrustedRootJson;
  change(root, cast);
  return JSON.stringify(root);
};
const ended = (part: TrustedPart): RootMaker => (cast) => {
  const now = cast.own.now();
  return JSON.stringify(trustedRoot([cast.own, cast.odd], { at: now, periods: { [part]: { start: new Date(now - 9 * YEAR).toISOString(), end: new Date(now - 3 * YEAR).toISOString() } } }));
};
const later = (part: TrustedPart): RootMaker => (cast) => {
  const now = cast.own.now();
  return JSON.stringify(trustedRoot([cast.own, cast.odd], { at: now, periods: { [part]: { start: new Date(now + YEAR).toISOString() } } }));
};

/** Trusted roots in which everything that is needed is trusted. */
export const GOOD_ROOTS: Readonly<Record<string, RootMaker>> = {
  'root.whole': (cast) => JSON.stringify(whole(cast)),
  'root.otherToo': (cast) => JSON.stringify(trustedRoot([cast.own, cast.odd, cast.other], { at: cast.own.now() })),
  'root.otherFirst': (cast) => JSON.stringify(trustedRoot([cast.other, cast.odd, cast.own], { at: cast.own.now() })),
  'root.twice': (cast) => JSON.stringify(trustedRoot([cast.own, cast.odd, cast.own], { at: cast.own.now() })),
};

/** Trusted roots that lack something, trusted it at another time, or are written in another way. */
export const BAD_ROOTS: Readonly<Record<string, RootMaker>> = {
  ...Object.fromEntries(
    PARTS.flatMap((part) => [
      [`root.without.${part}`, (cast: Cast) => JSON.stringify(trustedRoot([cast.own, cast.odd], { at: cast.own.now(), without: [part] }))],
      [`root.ended.${part}`, ended(part)],
      [`root.later.${part}`, later(part)],
      [`root.gone.${part}`, edited((root) => delete root[part])],
      [`root.null.${part}`, edited((root) => ((root as Record<string, unknown>)[part] = null))],
    ]),
  ),
  'root.otherOnly': (cast) => JSON.stringify(trustedRoot([cast.other], { at: cast.own.now() })),
  'root.empty': () => '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}',
  'root.emptyObject': () => '{}',
  'root.garbage': () => 'garbage',
  'root.nothing': () => '',
  'root.otherType': edited((root) => (root.mediaType = 'application/json')),
  'root.typeGone': edited((root) => delete (root as Partial<TrustedRootJson>).mediaType),
  'root.typeV01': edited((root) => (root.mediaType = 'application/vnd.dev.sigstore.trustedroot.v0.1+json')),
  'root.typeV02': edited((root) => (root.mediaType = 'application/vnd.dev.sigstore.trustedroot.v0.2+json')),
  'root.unknownMember': edited((root) => (root['more'] = 1)),
  'root.noStart.tlogs': edited((root) => root.tlogs.forEach((log) => delete (log.publicKey as Record<string, unknown>)['validFor'])),
  'root.noStart.authorities': edited((root) => root.certificateAuthorities.forEach((one) => delete (one as unknown as Record<string, unknown>)['validFor'])),
  'root.noPeriod.ctlogs': edited((root) => root.ctlogs.forEach((log) => ((log.publicKey as Record<string, unknown>)['validFor'] = {}))),
  'root.noBaseUrl': edited((root) => root.tlogs.forEach((log) => delete (log as Partial<typeof log>).baseUrl)),
  'root.otherBaseUrl': edited((root) => root.tlogs.forEach((log) => (log.baseUrl = 'https://elsewhere.test'))),
  'root.rootOnly': edited((root) => root.certificateAuthorities.forEach(({ certChain }) => certChain.certificates.shift())),
  'root.intermediateOnly': edited((root) => root.certificateAuthorities.forEach(({ certChain }) => certChain.certificates.pop())),
  'root.chainReversed': edited((root) => root.certificateAuthorities.forEach(({ certChain }) => certChain.certificates.reverse())),
  'root.chainEmpty': edited((root) => root.certificateAuthorities.forEach(({ certChain }) => (certChain.certificates = []))),
  'root.stampsWithoutRoot': edited((root) => root.timestampAuthorities.forEach(({ certChain }) => certChain.certificates.pop())),
  'root.logIdOther': edited((root) => root.tlogs.forEach((log) => (log.logId.keyId = Buffer.alloc(32, 7).toString('base64')))),
  'root.ctLogIdOther': edited((root) => root.ctlogs.forEach((log) => (log.logId.keyId = Buffer.alloc(32, 7).toString('base64')))),
  'root.logKeyOther': edited((root, { other }) => root.tlogs.slice(0, 1).forEach((log) => (log.publicKey.rawBytes = other.rekorV1.key.spki.toString('base64')))),
  'root.logKeyGarbage': edited((root) => root.tlogs.forEach((log) => (log.publicKey.rawBytes = 'AAAA'))),
  'root.detailsOther': edited((root) => root.tlogs.forEach((log) => (log.publicKey.keyDetails = 'PKIX_ECDSA_P384_SHA_384'))),
  'root.hashOther': edited((root) => root.tlogs.forEach((log) => (log.hashAlgorithm = 'SHA2_512'))),
  'root.snake': (cast) => JSON.stringify(whole(cast)).replaceAll('"certificateAuthorities"', '"certificate_authorities"').replaceAll('"publicKey"', '"public_key"').replaceAll('"validFor"', '"valid_for"'),
  'root.memberTwice': (cast) => JSON.stringify(whole(cast)).replace('"tlogs"', '"tlogs":[],"tlogs"'),
};
