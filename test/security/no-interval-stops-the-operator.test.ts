import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseDuration } from '../../src/api/duration.ts';
import { keylessAuthority, policy } from '../support/builders.ts';
import { compile } from '../support/compile.ts';

/* CVE-2022-39272: an interval that nobody could parse in one object crashed the controller for all. */

const PIECES = ['', '0', '1', '-1', '1.5', '9'.repeat(5), '9'.repeat(8), '9'.repeat(40), 'd', 'h', 'm', 's', 'ms', 'µs', ' ', '\n', '\0', '٣', '१', 'Infinity', 'NaN', 'null', 'e9', '+'];
const written = fc.oneof(fc.array(fc.constantFrom(...PIECES), { maxLength: 6 }).map((parts) => parts.join('')), fc.string({ maxLength: 40 }), fc.constantFrom<unknown>(`${'9'.repeat(20)}s`, `${'9'.repeat(12)}d`, `${'9'.repeat(400)}m`, 0, -1, 1e300, Number.NaN, null, [], {}, true));
/** Of a date; an interval that leads past it is no time any more. */
const LAST = 8.64e15;

test('CVE-2022-39272: whatever is written as a duration is one that a clock can wait for, or is refused by name', () => {
  fc.assert(
    fc.property(written, (value) => {
      for (const [field, spec] of Object.entries({
        'spec.recheckInterval': { recheckInterval: value },
        'spec.authorities[0].maxAge': { authorities: [keylessAuthority({ maxAge: value })] },
        'spec.pin.followInterval': { pin: { followInterval: value } },
      })) {
        const result = compile(policy(spec));
        if (result.status === 'refused') assert.equal(result.field, field);
        else {
          const [{ maxAge = 1 } = {}] = result.policy.authorities;
          for (const time of [result.policy.recheckInterval, maxAge]) assert.ok(time > 0 && Date.parse('2100-01-01T00:00:00Z') + time < LAST, String(time));
        }
      }
      const read = typeof value === 'string' ? parseDuration(value) : undefined;
      assert.ok(read === undefined || (Number.isSafeInteger(read) && read >= 0));
    }),
    { numRuns: 1000, seed: 38 },
  );
});
