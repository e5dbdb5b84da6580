import { KeyObject, randomBytes, webcrypto } from 'node:crypto';
import * as x509 from './x509.ts';

/** A certificate and its private key; PEM (PKCS #8). */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** Who a client certificate says its holder is: Kubernetes reads CN as the user and each O as a group. */
export interface Subject {
  readonly name: string;
  readonly groups?: readonly string[];
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;
const MINUTE = 60_000;
const YEAR = 365 * 24 * 60 * MINUTE;

/** A certificate authority for one control plane: an ECDSA P-256 key and a certificate valid for a year. */
export class Authority {
  readonly #certificate: x509.X509Certificate;
  readonly #key: webcrypto.CryptoKey;
  /** The PEM form of certificate and key; `Authority.from` takes it back. */
  readonly pem: KeyPair;

  private constructor(certificate: x509.X509Certificate, key: webcrypto.CryptoKey, pem: KeyPair) {
    this.#certificate = certificate;
    this.#key = key;
    this.pem = pem;
  }

  /** Makes a new authority called `name`. */
  static async create(name: string): Promise<Authority> {
    const keys = await newKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      ...validity(),
      name: [{ CN: [name] }],
      keys,
      signingAlgorithm: SIGNING,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return new Authority(certificate, keys.privateKey, { certificate: certificate.toString('pem'), key: privatePem(keys.privateKey) });
  }

  /** The authority that was written down as `pem`. */
  static async from(pem: KeyPair): Promise<Authority> {
    const der = x509.PemConverter.decodeFirst(pem.key);
    const key = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign']);
    return new Authority(new x509.X509Certificate(pem.certificate), key, pem);
  }

  /** A certificate for a client. */
  client({ name, groups = [] }: Subject): Promise<KeyPair> {
    return this.#issue([{ CN: [name] }, ...groups.map((group) => ({ O: [group] }))], [x509.ExtendedKeyUsage.clientAuth]);
  }

  /** A certificate for a server on loopback that is also called `names`. */
  server(name: string, names: readonly string[] = []): Promise<KeyPair> {
    const alternatives = new x509.SubjectAlternativeNameExtension([
      ...['localhost', ...names].map((value) => ({ type: 'dns', value }) as const),
      { type: 'ip', value: '127.0.0.1' },
    ]);
    return this.#issue([{ CN: [name] }], [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth], [alternatives]);
  }

  async #issue(subject: x509.JsonName, usages: x509.ExtendedKeyUsageType[], extensions: x509.Extension[] = []): Promise<KeyPair> {
    const keys = await newKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      ...validity(),
      subject,
      issuer: this.#certificate.subjectName.toJSON(),
      publicKey: keys.publicKey,
      signingKey: this.#key,
      signingAlgorithm: SIGNING,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(usages),
        await x509.AuthorityKeyIdentifierExtension.create(this.#certificate),
        ...extensions,
      ],
    });
    return { certificate: certificate.toString('pem'), key: privatePem(keys.privateKey) };
  }
}

/** A key pair to sign and to check service account tokens with; PEM. */
export async function signingKey(): Promise<{ readonly privateKey: string; readonly publicKey: string }> {
  const { privateKey, publicKey } = await newKeys();
  const spki = KeyObject.from(publicKey).export({ type: 'spki', format: 'pem' });
  return { privateKey: privatePem(privateKey), publicKey: spki.toString() };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function privatePem(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Starts a minute ago, because clocks of clients may be behind. */
function validity(): { serialNumber: string; notBefore: Date; notAfter: Date } {
  // RFC 5280 §4.1.2.2: a positive integer; the cleared top bit keeps it one.
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x01;
  return { serialNumber: serial.toString('hex'), notBefore: new Date(Date.now() - MINUTE), notAfter: new Date(Date.now() + YEAR) };
}
