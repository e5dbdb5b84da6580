/** One PEM block (RFC 7468). */
export interface PemBlock {
  /** `CERTIFICATE`, `PUBLIC KEY`, … */
  readonly label: string;
  readonly der: Buffer;
}

/** Thrown for text that is not PEM. */
export class PemError extends Error {}

const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]*)-----END ([A-Z0-9 ]{1,40})-----/g;

/** All blocks of the text, in order; text around them is allowed (RFC 7468 §2), a block that is not whole is not. */
export function readPem(text: string): readonly PemBlock[] {
  const blocks = [...text.matchAll(BLOCK)].map(([, label = '', body = '', end = '']) => {
    if (label !== end) throw new PemError(`a block that begins as ${label} ends as ${end}`);
    const base64 = body.replaceAll(/\s+/g, '');
    const der = Buffer.from(base64, 'base64');
    if (der.length === 0 || der.toString('base64') !== base64) throw new PemError(`the ${label} block is not base64`);
    return { label, der };
  });
  if (blocks.length !== text.split('-----BEGIN').length - 1) throw new PemError('a PEM block is not complete');
  return blocks;
}
