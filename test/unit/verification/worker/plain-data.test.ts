import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyIdOf } from '../../../../src/signatures/public-key.ts';
import { clusterPolicy, IDENTITY, keyAuthority, keylessAuthority, policy, type RawPolicy } from '../../../support/builders.ts';
import { compiled, sigstore } from '../../../support/compile.ts';

const ROOT = { trustRootRef: { kind: 'ConfigMap', name: 'root' } };
const REFERENCES = { 'ConfigMap/root/trusted_root.json': sigstore('ours').json };

/** Policies that between them have everything an authority can have. */
const policies: Record<string, RawPolicy> = {
  'a key': policy(),
  'a key with everything': policy({ authorities: [keyAuthority({ ctlog: ROOT, annotations: { env: 'prod' }, maxAge: '90d', requireRepository: true, rfc3161timestamp: ROOT, source: [{ oci: 'registry.example/signatures' }] })] }),
  'keyless with patterns': clusterPolicy({ authorities: [keylessAuthority({ keyless: { identities: [{ issuerRegExp: '^https://', subjectRegExp: '@acme\\.example$' }], ...ROOT } })] }),
  'attestations with an expression': policy({ authorities: [keylessAuthority({ keyless: { identities: [IDENTITY] }, attestations: [{ name: 'a', predicateType: 'slsaprovenance1', match: 'All', policy: { cel: 'size(subject) > 0' } }] })] }),
};

for (const [what, raw] of Object.entries(policies)) {
  test(`${what}: an authority can be sent to another thread, and arrives as it was`, () => {
    for (const { keys, ...authority } of compiled(raw, REFERENCES).authorities) {
      const copy = structuredClone({ keys, ...authority });
      assert.deepEqual({ ...copy, keys: [] }, { ...authority, keys: [] });
      assert.deepEqual(copy.keys.map(({ key }) => keyIdOf(key)), keys.map(({ keyId }) => keyId));
    }
  });
}
