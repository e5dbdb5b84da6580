/**
 * A writer of DER (ITU-T X.690), as much of it as certificates and timestamp tokens need. It checks nothing, so that a
 * test can also write what must be refused.
 */

/** One value: its tag byte, its length, its content. */
export function der(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const hex = body.length.toString(16);
  const length = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body]);
}

/** SEQUENCE. */
export const sequence = (...items: readonly Uint8Array[]): Buffer => der(0x30, ...items);

/** SET OF: DER wants the encodings sorted (X.690, 11.6). */
export const setOf = (...items: readonly Uint8Array[]): Buffer =>
  der(0x31, ...items.toSorted((a, b) => Buffer.compare(a, b)));

/** A context-specific constructed tag: `[number] { … }`. */
export const tagged = (number: number, ...items: readonly Uint8Array[]): Buffer => der(0xa0 | number, ...items);

/** A context-specific primitive tag: `[number] IMPLICIT`. */
export const implicit = (number: number, content: Uint8Array): Buffer => der(0x80 | number, content);

/** BOOLEAN. */
export const boolean = (value: boolean): Buffer => der(0x01, Buffer.from([value ? 0xff : 0]));

/** INTEGER, not negative. Bytes are taken as a big-endian number. */
export function integer(value: number | Uint8Array): Buffer {
  const hex = typeof value === 'number' ? value.toString(16) : Buffer.from(value).toString('hex');
  const digits = hex.replace(/^(00)+(?=..)/, '');
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
  return der(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}

/** BIT STRING; `unused` counts the bits at the end that do not belong to it. */
export const bitString = (content: Uint8Array, unused = 0): Buffer => der(0x03, Buffer.from([unused]), content);

/** OCTET STRING. */
export const octetString = (content: Uint8Array): Buffer => der(0x04, content);

/** NULL. */
export const nothing = (): Buffer => der(0x05);

/** OBJECT IDENTIFIER out of its dotted form. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const base128 = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      base128.unshift((left % 128) | 0x80);
    return base128;
  });
  return der(0x06, Buffer.from(bytes));
}

/** UTF8String. */
export const utf8String = (text: string): Buffer => der(0x0c, Buffer.from(text, 'utf8'));

/** GeneralizedTime, to the second, in UTC. */
export const generalizedTime = (milliseconds: number): Buffer => der(0x18, Buffer.from(compact(milliseconds)));

/** Time of X.509: UTCTime until 2049, GeneralizedTime after it (RFC 5280, 4.1.2.5). */
export function time(milliseconds: number): Buffer {
  const year = new Date(milliseconds).getUTCFullYear();
  const short = year >= 1950 && year < 2050;
  return short ? der(0x17, Buffer.from(compact(milliseconds).slice(2))) : generalizedTime(milliseconds);
}

function compact(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`;
}
