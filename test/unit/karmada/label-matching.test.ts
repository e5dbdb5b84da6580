import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { labelsMatch } from '../../../src/karmada/label-matching.ts';

const LABELS = { app: 'web', 'acme.example/tier': 'gold' };
const expression = (key: string, operator: string, ...values: unknown[]): unknown => ({ matchExpressions: [{ key, operator, values }] });

/** As metav1.LabelSelectorAsSelector reads them; what is invalid chooses nothing. */
const ROWS: Readonly<Record<string, readonly [selector: unknown, matches: boolean]>> = {
  'no requirement': [{}, true],
  'a label': [{ matchLabels: { app: 'web' } }, true],
  'a label with a prefix': [{ matchLabels: { 'acme.example/tier': 'gold' } }, true],
  'another value': [{ matchLabels: { app: 'api' } }, false],
  'one of two': [{ matchLabels: { app: 'web', none: 'x' } }, false],
  'an absent label is not among values': [expression('none', 'NotIn', 'x'), true],
  'a key that is none': [expression('no key', 'NotIn', 'x'), false],
  'an empty key': [expression('', 'DoesNotExist'), false],
  'a prefix that is none': [expression('Acme/tier', 'DoesNotExist'), false],
  'two prefixes': [expression('a/b/c', 'DoesNotExist'), false],
  'a name that is too long': [expression('n'.repeat(64), 'DoesNotExist'), false],
  'a prefix that is too long': [expression(`${'p'.repeat(254)}/n`, 'DoesNotExist'), false],
  'a value that is none': [expression('app', 'NotIn', 'no value'), false],
  'a value that is too long': [expression('app', 'NotIn', 'v'.repeat(64)), false],
  'a value that is no text': [expression('app', 'NotIn', 7), false],
  'no values': [expression('app', 'NotIn'), false],
  'values where there are to be none': [expression('none', 'DoesNotExist', 'x'), false],
  'an operator that is none': [expression('app', 'Gt', '1'), false],
  'no selector at all': [null, false],
  'a list': [[], false],
};

describe('whether labels are chosen by', () => {
  for (const [sentence, [selector, matches]] of Object.entries(ROWS)) {
    test(sentence, () => {
      assert.equal(labelsMatch(selector, LABELS), matches);
      // Once more, as it is remembered.
      assert.equal(labelsMatch(selector, LABELS), matches);
    });
  }
});
