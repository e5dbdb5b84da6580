import assert from 'node:assert/strict';
import test from 'node:test';
import { readCsv, readDuration, readNumber } from '../../../src/cli/pflag-values.ts';

const values: Readonly<Record<string, readonly [() => unknown, unknown]>> = {
  'a duration has several units': [() => readDuration('1h2m3.5s'), 3_723_500],
  'a duration may be less than a second, or negative': [() => [readDuration('250ms'), readDuration('-1s'), readDuration('0')], [250, -1000, 0]],
  'a duration may begin with its point': [() => readDuration('.5m'), 30_000],
  'numbers have Go’s prefixes': [() => [readNumber('10'), readNumber('0x1f'), readNumber('017'), readNumber('-0b11')], [10, 31, 15, -3]],
  'a list may have empty and quoted members': [() => readCsv('a,,"b,""c"""'), ['a', '', 'b,"c"']],
  'no text is no member': [() => readCsv(''), []],
};
for (const [sentence, [read, wanted]] of Object.entries(values)) {
  test(sentence, () => assert.deepEqual(read(), wanted));
}

/** As cosign 3.1.3 was seen to say it. */
const refused: Readonly<Record<string, readonly [() => unknown, string]>> = {
  'a duration without a unit': [() => readDuration('5'), 'time: missing unit in duration "5"'],
  'a duration with another unit': [() => readDuration('5x'), 'time: unknown unit "x" in duration "5x"'],
  'a duration that is none': [() => readDuration('xx'), 'time: invalid duration "xx"'],
  'a number that is none': [() => readNumber('a'), 'strconv.ParseInt: parsing "a": invalid syntax'],
  'a number that is too large': [() => readNumber('9223372036854775808'), 'strconv.ParseInt: parsing "9223372036854775808": value out of range'],
  'a quote inside of a member': [() => readCsv('a"b=c'), 'parse error on line 1, column 2: bare " in non-quoted-field'],
  'a quote that does not end': [() => readCsv('"a'), 'parse error on line 1, column 3: extraneous or missing " in quoted-field'],
};
for (const [sentence, [read, message]] of Object.entries(refused)) {
  test(`${sentence} is refused in Go’s words`, () => assert.throws(read, { message }));
}
