import { certificatePem } from '../support/sigstore/keys.ts';
import type { LegacySignature } from '../support/sigstore/sign.ts';
import type { BendContext } from './bends.ts';

type Annotations = Record<string, string>;

/** One thing that is otherwise in the annotations of a finished legacy signature. */
export type AnnotationEdit = (annotations: Annotations, context: BendContext) => void;

const SIGNATURE = 'dev.cosignproject.cosign/signature';
const CERTIFICATE = 'dev.sigstore.cosign/certificate';
const CHAIN = 'dev.sigstore.cosign/chain';
const BUNDLE = 'dev.sigstore.cosign/bundle';
const STAMP = 'dev.sigstore.cosign/rfc3161timestamp';

/** Changes what is there and leaves alone what is not. */
function change(name: string, how: (text: string, context: BendContext) => string | undefined): AnnotationEdit {
  return (annotations, context) => {
    const text = annotations[name];
    if (text === undefined || text === '') return;
    const changed = how(text, context);
    if (changed === undefined) delete annotations[name];
    else annotations[name] = changed;
  };
}

const EDITS: readonly (readonly [string, string])[] = [['signature', SIGNATURE], ['certificate', CERTIFICATE], ['bundle', BUNDLE], ['stamp', STAMP]];

const onAll = (what: string, how: (text: string) => string | undefined): readonly (readonly [string, AnnotationEdit])[] =>
  EDITS.map(([short, name]) => [`${short}.${what}`, change(name, how)] as const);

const json = (name: string, how: (value: Record<string, unknown>, payload: Record<string, unknown>) => void): AnnotationEdit =>
  change(name, (text) => {
    const value = JSON.parse(text) as Record<string, unknown>;
    how(value, (value['Payload'] ?? {}) as Record<string, unknown>);
    return JSON.stringify(value);
  });
const entry = (how: (value: Record<string, unknown>, payload: Record<string, unknown>) => void): AnnotationEdit => json(BUNDLE, how);

const wrap = (text: string, width: number): string => (text.match(new RegExp(`.{1,${width}}`, 'g')) ?? []).join('\n');

/** Annotations of a layer of a `.sig` or `.att` manifest. */
export const ANNOTATION_EDITS: Readonly<Record<string, AnnotationEdit>> = {
  ...Object.fromEntries([
    ...onAll('gone', () => undefined),
    ...onAll('empty', () => ''),
    ...onAll('garbage', () => 'garbage'),
    ...onAll('space', () => ' '),
    ...onAll('newline', (text) => `${text}\n`),
    ...onAll('leading', (text) => ` ${text}`),
    ...onAll('null', () => 'null'),
    ...onAll('object', () => '{}'),
    ...onAll('cut', (text) => text.slice(0, -5)),
  ]),
  'signature.wrapped': change(SIGNATURE, (text) => wrap(text, 20)),
  'signature.wrappedCrLf': change(SIGNATURE, (text) => wrap(text, 20).replaceAll('\n', '\r\n')),
  'signature.urlSafe': change(SIGNATURE, (text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  'signature.unpadded': change(SIGNATURE, (text) => text.replaceAll('=', '')),
  'signature.trailingBits': change(SIGNATURE, (text) => text.replace(/([A-Za-z0-9+/])(=+)$/, (_, last: string, padding: string) => `${last === '/' ? last : String.fromCharCode(last.charCodeAt(0) + 1)}${padding}`)),
  'signature.twice': change(SIGNATURE, (text) => text + text),
  'certificate.crLf': change(CERTIFICATE, (text) => text.replaceAll('\n', '\r\n')),
  'certificate.oneLine': change(CERTIFICATE, (text) => text.replace(/-----\n([^-]+)-----E/, (_, body: string) => `-----\n${body.replaceAll('\n', '')}\n-----E`)),
  'certificate.noNewline': change(CERTIFICATE, (text) => text.trimEnd()),
  'certificate.textBefore': change(CERTIFICATE, (text) => `subject: x\n${text}`),
  'certificate.textAfter': change(CERTIFICATE, (text) => `${text}after\n`),
  'certificate.header': change(CERTIFICATE, (text) => text.replace('-----\n', '-----\nProc-Type: 4\n\n')),
  'certificate.twice': change(CERTIFICATE, (text) => text + text),
  'certificate.label': change(CERTIFICATE, (text) => text.replaceAll('CERTIFICATE', 'X509 CERTIFICATE')),
  'certificate.withIssuer': change(CERTIFICATE, (text, { services }) => text + certificatePem(services.authority.intermediate.certificate)),
  'certificate.afterIssuer': change(CERTIFICATE, (text, { services }) => certificatePem(services.authority.intermediate.certificate) + text),
  'certificate.ofAuthority': change(CERTIFICATE, (_, { services }) => certificatePem(services.authority.root.certificate)),
  'certificate.trailingDer': change(CERTIFICATE, (text) => certificatePem(Buffer.concat([Buffer.from(text.replaceAll(/-----[^-]+-----/g, ''), 'base64'), Buffer.from([0])]))),
  'chain.real': (annotations, { services: { authority } }) => void (annotations[CHAIN] = certificatePem(authority.intermediate.certificate) + certificatePem(authority.root.certificate)),
  'chain.other': (annotations, { cast: { other } }) => void (annotations[CHAIN] = certificatePem(other.authority.intermediate.certificate) + certificatePem(other.authority.root.certificate)),
  'chain.garbage': (annotations) => void (annotations[CHAIN] = 'garbage'),
  'chain.malformed': (annotations) => void (annotations[CHAIN] = certificatePem(Buffer.from('no certificate'))),
  'chain.gone': (annotations) => void delete annotations[CHAIN],
  'bundle.unknownMember': entry((value) => (value['more'] = 1)),
  'bundle.unknownInPayload': entry((_, payload) => (payload['more'] = 1)),
  'bundle.payloadGone': entry((value) => delete value['Payload']),
  'bundle.payloadNull': entry((value) => (value['Payload'] = null)),
  'bundle.promiseGone': entry((value) => delete value['SignedEntryTimestamp']),
  'bundle.promiseNull': entry((value) => (value['SignedEntryTimestamp'] = null)),
  'bundle.promiseNotBase64': entry((value) => (value['SignedEntryTimestamp'] = '*')),
  'bundle.promiseWrapped': entry((value) => (value['SignedEntryTimestamp'] = wrap(String(value['SignedEntryTimestamp']), 20))),
  'bundle.bodyNumber': entry((_, payload) => (payload['body'] = 5)),
  'bundle.bodyObject': entry((_, payload) => (payload['body'] = { a: 1 })),
  'bundle.bodyGone': entry((_, payload) => delete payload['body']),
  'bundle.bodyWrapped': entry((_, payload) => (payload['body'] = wrap(String(payload['body']), 60))),
  'bundle.bodyUnpadded': entry((_, payload) => (payload['body'] = String(payload['body']).replaceAll('=', ''))),
  'bundle.bodyLonger': entry((_, payload) => (payload['body'] = Buffer.concat([Buffer.from(String(payload['body']), 'base64'), Buffer.from(' ')]).toString('base64'))),
  'bundle.timeText': entry((_, payload) => (payload['integratedTime'] = String(payload['integratedTime']))),
  'bundle.timeFraction': entry((_, payload) => (payload['integratedTime'] = Number(payload['integratedTime']) + 0.5)),
  'bundle.timeNull': entry((_, payload) => (payload['integratedTime'] = null)),
  'bundle.timeGone': entry((_, payload) => delete payload['integratedTime']),
  'bundle.indexGone': entry((_, payload) => delete payload['logIndex']),
  'bundle.indexText': entry((_, payload) => (payload['logIndex'] = String(payload['logIndex']))),
  'bundle.logIdUpper': entry((_, payload) => (payload['logID'] = String(payload['logID']).toUpperCase())),
  'bundle.logIdShort': entry((_, payload) => (payload['logID'] = String(payload['logID']).slice(2))),
  'bundle.logIdGone': entry((_, payload) => delete payload['logID']),
  'bundle.lowerCase': change(BUNDLE, (text) => text.replace('"Payload"', '"payload"').replace('"SignedEntryTimestamp"', '"signedentrytimestamp"')),
  'bundle.upperInPayload': change(BUNDLE, (text) => text.replace('"integratedTime"', '"INTEGRATEDTIME"').replace('"logID"', '"logid"')),
  'bundle.payloadTwice': change(BUNDLE, (text) => text.replace('"Payload"', '"Payload":{"body":"AAAA","logIndex":1},"Payload"')),
  'bundle.timeTwice': change(BUNDLE, (text) => text.replace('"integratedTime"', '"integratedTime":5,"integratedTime"')),
  'bundle.timeExponent': change(BUNDLE, (text) => text.replace(/"integratedTime":(\d+)/, '"integratedTime":$1e0')),
  'bundle.spaced': change(BUNDLE, (text) => JSON.stringify(JSON.parse(text), null, 2)),
  'bundle.trailing': change(BUNDLE, (text) => `${text} x`),
  'stamp.unknownMember': json(STAMP, (value) => (value['more'] = 1)),
  'stamp.notBase64': json(STAMP, (value) => (value['SignedRFC3161Timestamp'] = '*')),
  'stamp.wrapped': json(STAMP, (value) => (value['SignedRFC3161Timestamp'] = wrap(String(value['SignedRFC3161Timestamp']), 20))),
  'stamp.short': json(STAMP, (value) => (value['SignedRFC3161Timestamp'] = 'MAA=')),
  'stamp.noBytes': json(STAMP, (value) => (value['SignedRFC3161Timestamp'] = '')),
  'stamp.lowerCase': change(STAMP, (text) => text.replace('SignedRFC', 'signedrfc')),
  'stamp.trailingDer': json(STAMP, (value) => (value['SignedRFC3161Timestamp'] = Buffer.concat([Buffer.from(String(value['SignedRFC3161Timestamp']), 'base64'), Buffer.from([0])]).toString('base64'))),
  'annotation.unknown': (annotations) => void (annotations['example.test/more'] = 'x'),
};

/** A signature with its annotations changed. */
export function withEdit(signature: LegacySignature, edit: AnnotationEdit, context: BendContext): LegacySignature {
  const annotations = { ...signature.annotations };
  edit(annotations, context);
  return { ...signature, annotations };
}
