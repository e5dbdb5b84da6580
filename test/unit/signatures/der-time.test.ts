import assert from 'node:assert/strict';
import test from 'node:test';
import { DerError, derTime, readDer } from '../../../src/signatures/der.ts';

const time = (tag: number, text: string): number => derTime(readDer(Buffer.from([tag, text.length, ...Buffer.from(text, 'latin1')])));
const [UTC, GENERALIZED] = [0x17, 0x18];

const READ: Record<string, [number, string, string]> = {
  'a UTCTime of this century': [UTC, '261120120000Z', '2026-11-20T12:00:00.000Z'],
  'a UTCTime of the last year that is of this century': [UTC, '491231235959Z', '2049-12-31T23:59:59.000Z'],
  'a UTCTime of the last century': [UTC, '500101000000Z', '1950-01-01T00:00:00.000Z'],
  'a GeneralizedTime': [GENERALIZED, '20510102030405Z', '2051-01-02T03:04:05.000Z'],
  'the end of all times (RFC 5280, 4.1.2.5)': [GENERALIZED, '99991231235959Z', '9999-12-31T23:59:59.000Z'],
};

for (const [sentence, [tag, text, expected]] of Object.entries(READ)) test(`reads ${sentence}`, () => assert.equal(new Date(time(tag, text)).toISOString(), expected));

const REFUSED: Record<string, [number, string]> = {
  'something else in the place of a digit': [UTC, '2611201"0000Z'],
  'no seconds': [UTC, '2611201200Z'],
  'fractions': [GENERALIZED, '20261120120000.5Z'],
  'another zone': [UTC, '261120120000+0100'],
  'no zone': [UTC, '261120120000'],
  'a month that is none': [UTC, '261320120000Z'],
  'a day that its month does not have': [UTC, '260231120000Z'],
  'an hour that is none': [UTC, '261120250000Z'],
  'a short year in a GeneralizedTime': [GENERALIZED, '261120120000Z'],
  'another type': [0x0c, '20261120120000Z'],
  'nothing': [UTC, ''],
};

for (const [sentence, [tag, text]] of Object.entries(REFUSED)) test(`refuses ${sentence}`, () => assert.throws(() => time(tag, text), DerError));
