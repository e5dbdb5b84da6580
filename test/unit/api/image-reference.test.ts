import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { formatImageReference, ImageReferenceError, parseImageReference } from '../../../src/api/image-reference.ts';
import { corpusRows, skipWithoutCorpus } from '../../support/corpus.ts';

const HEX = 'da304e823d8ca2b9d863a3c897baeb852ba21ea9a9f1414736394ae7fcaf9821';
const DIGEST = `sha256:${HEX}`;

const GOOD: Record<string, [string, string]> = {
  'a bare name is an official image of docker.io, latest': ['nginx', 'docker.io/library/nginx:latest'],
  'a user image is on docker.io': ['acme/web:1.4', 'docker.io/acme/web:1.4'],
  'index.docker.io is docker.io': ['index.docker.io/nginx', 'docker.io/library/nginx:latest'],
  'registry-1.docker.io is docker.io': ['registry-1.docker.io/library/nginx', 'docker.io/library/nginx:latest'],
  'docker.io with :443 is docker.io': ['docker.io:443/nginx', 'docker.io/library/nginx:latest'],
  'the host is in lower case': ['GHCR.io/acme/web', 'ghcr.io/acme/web:latest'],
  'a trailing dot of the host is dropped': ['ghcr.io./acme/web', 'ghcr.io/acme/web:latest'],
  'a trailing dot before :443 is dropped with it': ['ghcr.io.:443/acme/web', 'ghcr.io/acme/web:latest'],
  ':443 is dropped however it is written': ['ghcr.io:0443/acme/web', 'ghcr.io/acme/web:latest'],
  'another port stays': ['ghcr.io:8443/acme/web', 'ghcr.io:8443/acme/web:latest'],
  'localhost is a host': ['localhost/web', 'localhost/web:latest'],
  'a name with a port is a host': ['registry:5000/web', 'registry:5000/web:latest'],
  'a colon without a slash is a tag': ['localhost:5000', 'docker.io/library/localhost:5000'],
  'an upper-case first part is a host, and is written so that it stays one': ['FOO/bar', 'foo:443/bar:latest'],
  'a host without a dot keeps :443, without which it is a part of a path on docker.io': ['registry:443/web', 'registry:443/web:latest'],
  'localhost needs no :443': ['localhost:443/web', 'localhost/web:latest'],
  'one IPv6 address has one spelling': ['[2001:DB8:0:0::1]:5000/web', '[2001:db8::1]:5000/web:latest'],
  'a digest needs no tag': [`ghcr.io/acme/web@${DIGEST}`, `ghcr.io/acme/web@${DIGEST}`],
  'a tag beside a digest is kept as text': [`ghcr.io/acme/web:1@${DIGEST}`, `ghcr.io/acme/web:1@${DIGEST}`],
  'separators of a path may be . _ __ and dashes': ['ghcr.io/a.b/c_d/e__f/g---h', 'ghcr.io/a.b/c_d/e__f/g---h:latest'],
};

for (const [sentence, [text, canonical]] of Object.entries(GOOD)) {
  test(`reads: ${sentence}`, () => {
    const reference = parseImageReference(text);
    assert.equal(formatImageReference(reference), canonical);
    assert.equal(reference.name, `${reference.host}/${reference.path}`);
    assert.equal(reference.original, text);
  });
}

const BAD: Record<string, [string, string, RegExp]> = {
  'an empty image': ['', 'Empty', /registry\/path:tag/],
  'a URL': ['https://ghcr.io/acme/web', 'HostInvalid', /without https:\/\//],
  'white space': [' nginx', 'PathInvalid', /lower-case letters/],
  'a line break at the end': ['nginx\n', 'PathInvalid', /path/],
  'upper case in a path': ['ghcr.io/Acme/web', 'PathInvalid', /a path is in lower case/],
  'an empty part': ['ghcr.io//web', 'PathInvalid', /empty part/],
  'a dash at the end of a part': ['ghcr.io/acme-/web', 'PathInvalid', /"acme-"/],
  'three underscores': ['ghcr.io/a___b', 'PathInvalid', /"a___b"/],
  'a tag that starts with a dash': ['nginx:-1', 'TagInvalid', /"-1"/],
  'an empty tag': ['nginx:', 'TagInvalid', /tag/],
  'a tag of 129 characters': [`nginx:${'x'.repeat(129)}`, 'TagInvalid', /at most 128/],
  'a short digest': ['nginx@sha256:badbadbadbad', 'DigestInvalid', /64 lower-case hex digits/],
  'an upper-case digest': [`nginx@sha256:${HEX.toUpperCase()}`, 'DigestInvalid', /64 lower-case/],
  'a digest that is not sha256': [`nginx@sha512:${HEX}${HEX}`, 'DigestInvalid', /algorithm sha512 is not accepted/],
  'an underscore in a host': ['foo_bar.com:8080/app', 'HostInvalid', /"foo_bar.com:8080"/],
  'a port that is none': ['ghcr.io:0/web', 'HostInvalid', /ghcr.io:0/],
  'a port above 65535': ['ghcr.io:65536/web', 'HostInvalid', /65536/],
  'a broken IPv6 address': ['[1::2::3]/web', 'HostInvalid', /1::2::3/],
  'sixty-four hex digits alone': [HEX, 'PathInvalid', /without a name/],
  'a path of 256 characters': [`ghcr.io/${'a/'.repeat(127)}aa`, 'TooLong', /255/],
  'a text without end': [`ghcr.io/${'a'.repeat(5000)}`, 'TooLong', /1024/],
};

for (const [sentence, [text, code, message]] of Object.entries(BAD)) {
  test(`refuses ${sentence}`, () => {
    assert.throws(() => parseImageReference(text), (error: unknown) => {
      assert.ok(error instanceof ImageReferenceError);
      assert.equal(error.code, code);
      assert.match(error.message, message);
      assert.ok(error.message.length < 1500);
      return true;
    });
  });
}

test('a canonical name is read as itself', () => {
  const segment = fc.stringMatching(/^[a-z0-9]{1,8}$/);
  fc.assert(
    fc.property(fc.array(segment, { minLength: 2, maxLength: 4 }), fc.integer({ min: 1, max: 65_535 }), (parts, port) => {
      const text = `${parts[0]}.example:${port}/${parts.slice(1).join('/')}`;
      const { name } = parseImageReference(text);
      assert.equal(parseImageReference(name).name, name);
    }),
  );
});

test('what is printed is read as the same image', () => {
  const host = fc.oneof(fc.stringMatching(/^[a-zA-Z0-9]{1,6}$/), fc.stringMatching(/^[a-zA-Z]{1,3}\.[a-z]{2}\.?$/), fc.constantFrom('localhost', 'LOCALHOST', '[::1]'));
  fc.assert(
    fc.property(host, fc.option(fc.constantFrom('443', '0443', '5000')), fc.stringMatching(/^[a-z0-9]{1,4}(?:\/[a-z0-9]{1,4})?$/), (name, port, path) => {
      const read = parseImageReference(`${name}${port === null ? '' : `:${port}`}/${path}`);
      assert.deepEqual({ ...parseImageReference(formatImageReference(read)), original: '' }, { ...read, original: '' });
    }),
  );
});

test('whatever the text, the answer is a reference or a coded error', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
      try {
        assert.match(parseImageReference(text).name, /^[^/]+\/[^/]/);
      } catch (error) {
        assert.ok(error instanceof ImageReferenceError);
      }
    }),
  );
});

interface Row {
  readonly id: string;
  readonly convention: string;
  readonly inputKind: string;
  readonly input: string;
  readonly valid: boolean;
  readonly registry?: string | null;
  readonly repository?: string;
  readonly tag?: string | null;
  readonly digest?: string | null;
  readonly canonical?: string;
}

const FILE = 'corpus/policy/reference-dev.jsonl';
/** Conventions of other products that say something else about the same text, or rows about something that is no image. */
const NOT_OURS: Record<string, string> = {
  'ggcr-strict/006': 'strict validation wants host and tag written out; a kubelet does not',
  'distribution-canonical/002': 'ParseNamed refuses short names; a kubelet reads them',
  'distribution-identifier-regexp/000': 'an identifier is no image',
  'distribution-identifier-regexp/001': 'an identifier is no image',
  'ggcr-weak/059': 'another default registry',
  'distribution-normalized/108': 'FOO/bar is on foo:443: in lower case, without the port, it would be read as an image of docker.io',
};

test('the shared reference vectors', { skip: skipWithoutCorpus(FILE) }, async (t) => {
  const rows = corpusRows(FILE) as unknown as Row[];
  assert.equal(rows.length, 47);
  for (const row of rows.filter(({ id }) => NOT_OURS[id] === undefined)) {
    await t.test(`${row.id} ${row.input}`, () => checkRow(row));
  }
});

function checkRow(row: Row): void {
  const text = row.inputKind === 'registry' ? `${row.input}/x` : row.input;
  if (!row.valid) {
    assert.throws(() => parseImageReference(text), ImageReferenceError);
    return;
  }
  const reference = parseImageReference(text);
  if (row.registry !== undefined && row.registry !== null) {
    assert.equal(reference.host, row.registry.toLowerCase().replace('index.docker.io', 'docker.io'));
  }
  // Only conventions that add `library/` or keep the host say what the canonical path is.
  if (row.repository !== undefined && row.registry !== null && row.convention !== 'kyverno') assert.equal(reference.path, row.repository);
  if (typeof row.tag === 'string') assert.equal(reference.tag, row.tag);
  if (row.digest !== undefined) assert.equal(reference.digest ?? null, row.digest);
  if (row.convention === 'distribution-dockerref') assert.equal(formatImageReference(reference), row.canonical);
  if (row.convention === 'distribution-any') assert.equal(reference.name, row.canonical);
}
