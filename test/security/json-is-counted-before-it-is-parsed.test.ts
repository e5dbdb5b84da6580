import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { manifestTypeOf, ManifestSyntaxError, parseIndex } from '../../src/registry/manifest.ts';
import { JsonLimitError, parseJson } from '../../src/signatures/json.ts';
import { costOf } from '../support/cost.ts';

/*
 * Documents within the limits of size that kept one thread busy for 0.2 to 0.8 s each, because of how many values they hold: a registry
 * or whoever may push there chooses them (CVE-2024-29903, CVE-2025-66506 are of this kind).
 */

/** What `costOf` may say: milliseconds of a fixed machine, whatever else this one does. */
const BOUND = 150;
const MEBI = 1024 * 1024;

function keys(size: number): Buffer {
  let text = '{';
  for (let at = 0; text.length < size - 64; at += 1) text += `"${at.toString(36)}":1,`;
  return Buffer.from(`${text}"schemaVersion":2}`);
}

const nested = Buffer.from(`{"x":${'['.repeat(2 * MEBI - 8)}${']'.repeat(2 * MEBI - 8)}}`);
const lists = Buffer.from(`{"manifests":[${'[],'.repeat(MEBI)}[]]}`);

describe('JSON is counted before it is parsed', () => {
  for (const [what, bytes] of Object.entries({ 'a manifest of brackets': nested, 'a manifest of keys': keys(4 * MEBI), 'an index of empty lists': lists })) {
    test(`${what} is refused at once`, () => {
      assert.ok(costOf(() => assert.throws(() => manifestTypeOf(bytes, ''), ManifestSyntaxError)) < BOUND);
    });
  }

  test('a payload of keys is refused at once', () => {
    const payload = keys(MEBI);
    assert.ok(costOf(() => assert.throws(() => parseJson(payload, { strict: true, maxDepth: 32 }), JsonLimitError)) < BOUND);
  });

  test('an index of 4 MiB with as many referrers as fit is read', () => {
    const one = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: `sha256:${'0'.repeat(64)}`, size: 1, artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json', annotations: { 'dev.sigstore.bundle.predicateType': 'https://sigstore.dev/cosign/sign/v1', 'org.opencontainers.image.created': '2026-11-22T12:00:00Z' } };
    const count = Math.floor((4 * MEBI) / (JSON.stringify(one).length + 1)) - 1;
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: Array.from({ length: count }, () => one) }));
    assert.equal(parseIndex(index).length, count);
  });

  test('a statement with 1,024 subjects of 32 digests is read', () => {
    const digest = Object.fromEntries(Array.from({ length: 32 }, (_, at) => [`algorithm${at}`, 'ab']));
    const statement = { subject: Array.from({ length: 1024 }, () => ({ name: 'registry.example/acme/web', digest })) };
    assert.doesNotThrow(() => parseJson(Buffer.from(JSON.stringify(statement)), { strict: true, maxDepth: 32 }));
  });
});
