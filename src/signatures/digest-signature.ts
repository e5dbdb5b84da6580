import { publicDecrypt, constants } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { derChildren, readDer, SEQUENCE } from './der.ts';
import type { DerElement } from './der.ts';

/** A point that is not the one at infinity, in affine coordinates. */
interface Point {
  readonly x: bigint;
  readonly y: bigint;
}

/** A curve y² = x³ - 3x + b over the field of `p`, with a generator of prime order `n` (NIST SP 800-186 §3.2.1). */
interface Curve {
  readonly p: bigint;
  readonly n: bigint;
  readonly generator: Point;
}

const CURVES: Readonly<Record<string, Curve>> = {
  prime256v1: {
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
    generator: {
      x: 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
      y: 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
    },
  },
  secp384r1: {
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    n: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
    generator: {
      x: 0xaa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7n,
      y: 0x3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5fn,
    },
  },
  secp521r1: {
    p: 2n ** 521n - 1n,
    n: 0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
    generator: {
      x: 0xc6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66n,
      y: 0x11839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650n,
    },
  },
};

/** DigestInfo of a SHA-256 digest, without the digest (RFC 8017 §9.2, note 1). */
const SHA256_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/**
 * Whether `key` made `signature` over something with this SHA-256 digest: ECDSA (FIPS 186-5 §6.4.2) or RSA PKCS#1 v1.5. Node verifies
 * messages only, never digests. Slow (milliseconds), and made for public data: its time depends on what it is given. An Ed25519
 * signature is over the message itself, so that for it this is always false.
 */
export function isSignatureOfDigest(key: KeyObject, sha256: Buffer, signature: Buffer): boolean {
  if (key.asymmetricKeyType === 'rsa') return isRsaSignature(key, sha256, signature);
  const curve = CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''];
  return key.asymmetricKeyType === 'ec' && curve !== undefined && isEcdsaSignature(curve, pointOf(key), sha256, signature);
}

function isRsaSignature(key: KeyObject, sha256: Buffer, signature: Buffer): boolean {
  try {
    const info = publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature);
    return info.equals(Buffer.concat([SHA256_INFO, sha256]));
  } catch {
    // Not even padded as a signature by this key would be.
    return false;
  }
}

function isEcdsaSignature(curve: Curve, key: Point, sha256: Buffer, signature: Buffer): boolean {
  const { n, p, generator } = curve;
  const [r = 0n, s = 0n, ...rest] = derChildren(readDer(signature, SEQUENCE)).map(integerOf);
  if (rest.length > 0 || r < 1n || r >= n || s < 1n || s >= n) return false;
  const inverse = invert(s, n);
  // A digest of 256 bits is as it is on each of the curves: none has an order of fewer.
  const one = multiply(generator, modulo(toInteger(sha256) * inverse, n), p);
  const sum = add(one, multiply(key, modulo(r * inverse, n), p), p);
  return sum !== undefined && modulo(sum.x, n) === r;
}

function pointOf(key: KeyObject): Point {
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  return { x: toInteger(Buffer.from(x, 'base64url')), y: toInteger(Buffer.from(y, 'base64url')) };
}

const INTEGER = 0x02;

/** A negative one becomes a positive one that is out of range. */
function integerOf({ tag, content }: DerElement): bigint {
  return tag === INTEGER && content.length > 0 && (content[0] ?? 0) < 0x80 ? toInteger(content) : 0n;
}

function toInteger(bytes: Buffer): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${bytes.toString('hex')}`);
}

function modulo(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

/** The inverse in a field of prime order, by Euclid's extended algorithm; of 0 it is 0. */
function invert(value: bigint, prime: bigint): bigint {
  let [rest, next, factor, nextFactor] = [prime, modulo(value, prime), 0n, 1n];
  while (next !== 0n) {
    const quotient = rest / next;
    [rest, next] = [next, rest - quotient * next];
    [factor, nextFactor] = [nextFactor, factor - quotient * nextFactor];
  }
  return modulo(factor, prime);
}

/** The sum of two points; nothing stands for the point at infinity. */
function add(one: Point | undefined, other: Point | undefined, p: bigint): Point | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  if (one.x === other.x && modulo(one.y + other.y, p) === 0n) return undefined;
  const slope = one.x === other.x ? (3n * one.x * one.x - 3n) * invert(2n * one.y, p) : (other.y - one.y) * invert(other.x - one.x, p);
  const x = modulo(slope * slope - one.x - other.x, p);
  return { x, y: modulo(slope * (one.x - x) - one.y, p) };
}

function multiply(point: Point, factor: bigint, p: bigint): Point | undefined {
  let sum: Point | undefined;
  let power: Point | undefined = point;
  for (let rest = factor; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) sum = add(sum, power, p);
    power = add(power, power, p);
  }
  return sum;
}
