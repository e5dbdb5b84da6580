import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { prove } from '../../../src/signatures/prove.ts';
import { AT, asking, bundle, HOUR, refused, release, trusting, world, YEAR } from '../../support/signatures.ts';
import { extendedKeyUsage, signCertificate, USAGE } from '../../support/sigstore/certificate.ts';
import type { CertificateTemplate } from '../../support/sigstore/certificate.ts';
import { createTimestampAuthority } from '../../support/sigstore/timestamp.ts';
import type { TimestampAuthority } from '../../support/sigstore/timestamp.ts';

const own = createTimestampAuthority({ at: AT });

/** An authority whose signing certificate is bent. */
function bent(shape: (template: CertificateTemplate) => CertificateTemplate): TimestampAuthority {
  return createTimestampAuthority({ at: AT, shape });
}

/** A signature that these stamped, and a trust root with those. */
function stampedBy(stamper: TimestampAuthority, trusted: readonly TimestampAuthority[]): Parameters<typeof prove> {
  const root = world.trustedRoot();
  const [pattern] = root.timestampAuthorities;
  assert.ok(pattern);
  const timestampAuthorities = trusted.map(({ chain }) => ({ ...pattern, certChain: { certificates: chain.map((der) => ({ rawBytes: der.toString('base64') })) } }));
  return [bundle(release, { services: { timestampAuthority: stamper } }), asking({ timestamp: 'Required', trust: trusting({ ...root, timestampAuthorities }) })];
}

describe('a timestamp', () => {
  const twin = bent((template) => ({ ...template, serial: own.template.serial, issuer: own.template.issuer }));

  test('by one of several authorities counts', () => {
    assert.equal(prove(...stampedBy(own, [createTimestampAuthority({ at: AT, name: 'other.test' }), own])).signedAt, AT);
  });

  test('is held against each authority whose certificate has the name and number that it says', () => {
    assert.equal(own.template.serial, twin.template.serial);
    for (const trusted of [[own, twin], [twin, own]]) assert.equal(prove(...stampedBy(own, trusted)).signedAt, AT);
    refused(...stampedBy(own, [twin]), 'TimestampInvalid', /signature verification failed/);
  });

  const lapsed = {
    'had ended': bent((template) => ({ ...template, notAfter: AT - HOUR })),
    'had not begun': bent((template) => ({ ...template, notBefore: AT + HOUR })),
  };
  for (const [what, authority] of Object.entries(lapsed)) {
    test(`by an authority whose certificate ${what} does not count`, () => {
      refused(...stampedBy(authority, [authority]), 'TimestampInvalid', /certificate of its signer is valid from/);
    });
  }

  test('by an authority under one that is for code signing only does not count', () => {
    const { intermediate, root } = world.authority;
    const template = { ...own.template, issuer: intermediate.template.subject, extensions: [extendedKeyUsage([USAGE.timeStamping], true)] };
    const chain = [signCertificate(template, intermediate.key), intermediate.certificate, root.certificate] as const;
    const misused = { ...own, template, chain: chain as unknown as TimestampAuthority['chain'] };
    refused(...stampedBy(misused, [misused]), 'TimestampInvalid', /is issued under .*intermediate.* which may not issue such certificates/);
  });

  test('by an authority whose root had ended does not count', () => {
    const old = createTimestampAuthority({ at: AT - 20 * YEAR, shape: (template) => ({ ...template, notAfter: AT + YEAR }) });
    refused(...stampedBy(old, [old]), 'TimestampInvalid', /is issued under .* which is not valid at/);
  });

  test('that names the certificate of none of the authorities does not count', () => {
    const stranger = bent((template) => ({ ...template, serial: Buffer.from([1, 2, 3]) }));
    refused(...stampedBy(stranger, [own]), 'TimestampInvalid', /names a signer that is none of theirs/);
  });
});
