import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { manifestTypeOf, ManifestSyntaxError, parseIndex, parseManifest } from '../../../src/registry/manifest.ts';
import { arrangeReferrers, isLasting, lacksReferrers } from '../../../src/registry/referrers.ts';
import type { Descriptor } from '../../../src/registry/types.ts';

const OCI = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const digest = (digit: string): `sha256:${string}` => `sha256:${digit.repeat(64)}`;
const good: Descriptor = { mediaType: OCI, digest: digest('a'), size: 7 };
const bytes = (value: unknown): Buffer => (Buffer.isBuffer(value) ? value : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));

const TYPES: Record<string, readonly [unknown, string, string | RegExp]> = {
  'what the server says': [{}, OCI, OCI],
  'what the document says where the server says nothing of use': [{ mediaType: INDEX }, 'application/json', INDEX],
  'an artifact manifest of another type stays what it is': [{ mediaType: 'application/vnd.acme+json' }, 'application/vnd.acme+json', 'application/vnd.acme+json'],
  'a contradiction is refused': [{ mediaType: INDEX }, OCI, /not the one that the server names/],
  'manifest and index at once is refused': [{ manifests: [], layers: [] }, OCI, /manifest and an index at once/],
  'Docker schema 1 is refused by its type': [{}, 'application/vnd.docker.distribution.manifest.v1+prettyjws', /schema 1/],
  'Docker schema 1 is refused by its version': [{ schemaVersion: 1 }, 'application/json', /schema 1/],
  'text is refused': ['<html>', OCI, /^it is not JSON$/],
  'a list is refused': [[], OCI, /^it is not a JSON object$/],
  'bytes that are not UTF-8 are refused': [Buffer.from('{"mediaType":"\xff"}', 'latin1'), OCI, /^it is not JSON$/],
};

describe('the media type of a manifest', () => {
  for (const [sentence, [document, contentType, expected]] of Object.entries(TYPES)) {
    it(sentence, () => {
      if (typeof expected === 'string') assert.equal(manifestTypeOf(bytes(document), contentType), expected);
      else assert.throws(() => manifestTypeOf(bytes(document), contentType), (thrown) => thrown instanceof ManifestSyntaxError && expected.test(thrown.message));
    });
  }
});

const DESCRIPTORS: Record<string, readonly [unknown, RegExp | readonly Descriptor[]]> = {
  'all fields': [{ ...good, artifactType: 'a/b', annotations: { k: 'v' }, extra: 1 }, [{ ...good, artifactType: 'a/b', annotations: { k: 'v' } }]],
  'an empty artifactType is none': [{ ...good, artifactType: '' }, [good]],
  'a digest of another algorithm is left out': [{ ...good, digest: `sha512:${'a'.repeat(128)}` }, []],
  'no digest': [{ ...good, digest: undefined }, /manifests\[0\]\.digest is not a digest/],
  'a short digest': [{ ...good, digest: 'sha256:abc' }, /digest is not a digest/],
  'a digest in capitals': [{ ...good, digest: digest('A') }, /digest is not a digest/],
  'a digest that climbs': [{ ...good, digest: 'sha256:../../x' }, /digest is not a digest/],
  'a negative size': [{ ...good, size: -1 }, /size is not a size/],
  'a fractional size': [{ ...good, size: 1.5 }, /size is not a size/],
  'a size as text': [{ ...good, size: '7' }, /size is not a size/],
  'an unsafe size': [{ ...good, size: 1e300 }, /size is not a size/],
  'no media type': [{ ...good, mediaType: undefined }, /mediaType is not a media type/],
  'a media type with a line break': [{ ...good, mediaType: 'a/b\nc' }, /mediaType is not a media type/],
  'annotations that are no strings': [{ ...good, annotations: { k: 1 } }, /annotations holds something other than strings/],
  'annotations that are a list': [{ ...good, annotations: [] }, /annotations is not a JSON object/],
  'a descriptor that is null': [null, /manifests\[0\] is not a JSON object/],
};

describe('the descriptors of an index', () => {
  for (const [sentence, [descriptor, expected]] of Object.entries(DESCRIPTORS)) {
    it(sentence, () => {
      const index = bytes({ manifests: [descriptor] });
      if (expected instanceof RegExp) assert.throws(() => parseIndex(index), expected);
      else assert.deepEqual(parseIndex(index), expected);
    });
  }
  it('may be none', () => assert.deepEqual(parseIndex(bytes({ manifests: null })), []));
  it('are a list', () => assert.throws(() => parseIndex(bytes({ manifests: {} })), /manifests is not a list/));
  it('with a prototype as annotation stay plain data', () => {
    const [one] = parseIndex(bytes(`{"manifests":[{"mediaType":"a/b","digest":"${digest('a')}","size":1,"annotations":{"__proto__":"x"}}]}`));
    assert.equal(Object.getPrototypeOf(one?.annotations), Object.prototype);
    assert.deepEqual(Object.keys(one?.annotations ?? {}), ['__proto__']);
  });
});

describe('a manifest', () => {
  it('has config, layers, subject and annotations', () => {
    const parsed = parseManifest(bytes({ artifactType: 'a/b', config: good, layers: [good], subject: good, annotations: { k: 'v' } }));
    assert.deepEqual(parsed, { artifactType: 'a/b', config: good, layers: [good], subject: good.digest, annotations: { k: 'v' } });
  });
  it('without config is refused', () => assert.throws(() => parseManifest(bytes({ layers: [] })), /config is not a JSON object/));
  it('with a layer of another digest algorithm is refused', () => {
    assert.throws(() => parseManifest(bytes({ config: good, layers: [{ ...good, digest: `sha512:${'a'.repeat(128)}` }] })), /layers\[0\]\.digest is not a sha256 digest/);
  });
});

describe('referrers', () => {
  const one = (digit: string, artifactType?: string): Descriptor => ({ ...good, digest: digest(digit), ...(artifactType === undefined ? {} : { artifactType }) });

  it('come with signatures first, then what may be one, otherwise as they were listed', () => {
    const listed = [one('1', 'application/spdx+json'), one('2'), one('3', 'application/vnd.dev.sigstore.bundle.v0.3+json'), one('4', 'application/vnd.oci.empty.v1+json'), one('5', 'application/vnd.dev.cosign.artifact.sig.v1+json'), one('6', 'text/x')];
    assert.deepEqual(arrangeReferrers(listed).map((d) => d.digest[7]), ['3', '5', '2', '4', '1', '6']);
  });
  it('count once each', () => assert.equal(arrangeReferrers([one('1'), one('1', 'a/b'), one('2')]).length, 2));
  it('are at most 1,000, and a signature is among them wherever it stood', () => {
    const many = Array.from({ length: 1500 }, (_, at) => ({ ...good, artifactType: 'text/x', digest: `sha256:${String(at).padStart(64, '0')}` as const }));
    const arranged = arrangeReferrers([...many, one('f', 'application/vnd.dev.sigstore.bundle.v0.3+json')]);
    assert.equal(arranged.length, 1000);
    assert.equal(arranged[0]?.digest, digest('f'));
  });

  const body = (code: string) => bytes({ errors: [{ code }] });
  const ABSENCE: Record<string, readonly [number, Buffer, string, boolean, boolean]> = {
    '404': [404, bytes('404 page not found'), 'text/plain', true, true],
    '400': [400, body('UNSUPPORTED'), 'application/json', true, true],
    '406': [406, bytes(''), '', true, true],
    '200 that is no index': [200, bytes('{}'), 'application/json', true, true],
    '404 because there is no such repository, which is not remembered': [404, body('NAME_UNKNOWN'), 'application/json', true, false],
    'but not an index': [200, bytes('{}'), INDEX, false, true],
    'but not 401': [401, body('UNAUTHORIZED'), '', false, false],
    'but not 403': [403, body('DENIED'), '', false, false],
    'but not 429': [429, body('TOOMANYREQUESTS'), '', false, true],
    'but not a throttled request in other clothes': [400, body('TOOMANYREQUESTS'), '', false, true],
    'but not 500': [500, bytes(''), '', false, true],
    'but not 503': [503, bytes(''), '', false, true],
  };
  for (const [sentence, [status, content, type, absent, lasting]] of Object.entries(ABSENCE)) {
    it(`are not supported where the answer is ${sentence}`, () => {
      assert.equal(lacksReferrers({ status, bytes: content }, type, INDEX), absent);
      assert.equal(isLasting({ status, bytes: content }), lasting);
    });
  }
});
