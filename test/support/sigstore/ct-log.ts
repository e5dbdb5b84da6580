import { octetString } from './der.ts';
import { tbsCertificate, type CertificateTemplate, type Extension } from './certificate.ts';
import { generateKey, sha256, signWith, type KeyPair, type KeyType } from './keys.ts';

/** A certificate transparency log, as far as its promises go: it signs timestamps, it keeps no tree. */
export interface CtLog {
  readonly key: KeyPair;
  /** SHA-256 of its key (RFC 6962, 3.2). */
  readonly logId: Buffer;
  readonly baseUrl: string;
}

/** A log with a new key. */
export function createCtLog(options: { name?: string; keyType?: KeyType } = {}): CtLog {
  const key = generateKey(options.keyType);
  return { key, logId: sha256(key.spki), baseUrl: `https://ctfe.${options.name ?? 'sigstore.test'}/2026` };
}

/**
 * The log's signed timestamp for a certificate that has no timestamps yet: the SignedCertificateTimestamp struct of
 * RFC 6962, 3.2, over the precertificate entry. `at` in milliseconds.
 */
export function signedCertificateTimestamp(
  log: CtLog,
  template: CertificateTemplate,
  issuerKey: KeyPair,
  at: number,
): Buffer {
  const tbs = tbsCertificate(template, issuerKey);
  const when = Buffer.alloc(8);
  when.writeBigUInt64BE(BigInt(Math.floor(at)));
  const signed = Buffer.concat([
    Buffer.from([0, 0]), // version 1, certificate_timestamp
    when,
    Buffer.from([0, 1]), // precert_entry
    sha256(issuerKey.spki),
    prefixed(3, tbs),
    Buffer.from([0, 0]), // no extensions
  ]);
  const signature = signWith(log.key, signed);
  const algorithm = log.key.type.startsWith('RSA') ? 1 : 3;
  return Buffer.concat([
    Buffer.from([0]),
    log.logId,
    when,
    Buffer.from([0, 0]),
    Buffer.from([4, algorithm]), // sha256
    prefixed(2, signature),
  ]);
}

/** The extension that carries these timestamps inside of a certificate (RFC 6962, 3.3). */
export function timestampList(timestamps: readonly Uint8Array[]): Extension {
  const list = prefixed(2, Buffer.concat(timestamps.map((one) => prefixed(2, one))));
  return { oid: '1.3.6.1.4.1.11129.2.4.2', critical: false, value: octetString(list) };
}

/** A TLS vector: its length in `width` bytes, then its content. */
function prefixed(width: number, content: Uint8Array): Buffer {
  const length = Buffer.alloc(width);
  length.writeUIntBE(content.length, 0, width);
  return Buffer.concat([length, content]);
}
