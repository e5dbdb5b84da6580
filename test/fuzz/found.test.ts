import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { COSIGN, OPERATOR } from '../../src/signatures/profile.ts';
import type { SignatureErrorCode } from '../../src/signatures/types.ts';
import { asBundle, asking, IMAGE, refused, release, world } from '../support/signatures.ts';

/** A genuine bundle after an edit of its envelope. */
function envelopeWith(fields: object): object {
  const bundle = world.bundle(release, IMAGE, { log: 'v1' });
  return { ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, ...fields } };
}

const TYPE = 'application/vnd.in-toto+json';

/** What fuzzing found, and how it is refused since. */
const FOUND: Readonly<Record<string, [object, SignatureErrorCode, RegExp]>> = {
  'a payload type that is an object is not read as the text [object Object]': [envelopeWith({ payloadType: {} }), 'SignatureInvalid', /payloadType is not a string/],
  'a payload type in a list is not read as the one text in it': [envelopeWith({ payloadType: [TYPE] }), 'SignatureInvalid', /payloadType is not a string/],
};

describe('found by fuzzing', () => {
  for (const [sentence, [bundle, code, text]] of Object.entries(FOUND)) {
    it(sentence, () => {
      for (const profile of [OPERATOR, COSIGN]) assert.ok(refused(asBundle(bundle), asking({ profile }), code, text));
    });
  }
});
