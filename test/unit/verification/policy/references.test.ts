import assert from 'node:assert/strict';
import test from 'node:test';
import { referenceId, referencesOf } from '../../../../src/verification/policy/references.ts';
import { keyAuthority, keylessAuthority, policy } from '../../../support/builders.ts';

test('every Secret and ConfigMap that a policy names is found, with its field and default key', () => {
  const { spec } = policy({
    authorities: [
      keyAuthority({ key: { secretRef: { name: 'pub' } }, ctlog: { trustRootRef: { kind: 'Secret', name: 'log', key: 'root.json' } } }),
      keylessAuthority({ keyless: { identities: [], trustRootRef: { kind: 'ConfigMap', name: 'root' } } }),
    ],
  });
  assert.deepEqual(referencesOf(spec), [
    { kind: 'Secret', name: 'pub', key: 'cosign.pub', field: 'spec.authorities[0].key.secretRef', holds: 'Key' },
    { kind: 'Secret', name: 'log', key: 'root.json', field: 'spec.authorities[0].ctlog.trustRootRef', holds: 'TrustRoot' },
    { kind: 'ConfigMap', name: 'root', key: 'trusted_root.json', field: 'spec.authorities[1].keyless.trustRootRef', holds: 'TrustRoot' },
  ]);
});

test('what has not the form of a reference is none', () => {
  for (const spec of [undefined, null, 7, {}, { authorities: 7 }, { authorities: [null, { key: { secretRef: 7 } }, { key: { secretRef: { name: 7 } } }, { keyless: { trustRootRef: { kind: 'Pod', name: 'x' } } }] }]) {
    assert.deepEqual(referencesOf(spec), []);
  }
});

test('references to one entry have one id', () => {
  assert.equal(referenceId({ kind: 'Secret', name: 'a', key: 'b' }), 'Secret/a/b');
});
