import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { COSIGN, OPERATOR } from '../../src/signatures/profile.ts';
import { prove } from '../../src/signatures/prove.ts';
import { asking, AT, bundle, HOUR, legacy, refused, release, trusting, world, YEAR } from '../support/signatures.ts';
import { createAuthority, type Authority } from '../support/sigstore/authority.ts';
import { signCertificate, type CertificateTemplate } from '../support/sigstore/certificate.ts';
import { createTimestampAuthority } from '../support/sigstore/timestamp.ts';
import { createCtLog } from '../support/sigstore/ct-log.ts';
import { generateKey } from '../support/sigstore/keys.ts';

/*
 * CVE-2026-24122: with the log left out, the leaf alone was held against the time, so that an authority that had ended went on. CVE-2026-39984: a timestamp
 * was believed on the word of a certificate that nobody had checked. Lesson of the peers: one CT key only, so that what was signed under an older one fails.
 */

/** The world's authority with another intermediate, and a trust root that has it. */
function under(shape: (template: CertificateTemplate) => CertificateTemplate): { authority: Authority; trust: ReturnType<typeof trusting> } {
  const { root, intermediate, ...rest } = createAuthority({ at: AT });
  const template = shape(intermediate.template);
  const authority = { ...rest, root, intermediate: { ...intermediate, template, certificate: signCertificate(template, root.key) } };
  const whole = world.trustedRoot();
  const certificates = [authority.intermediate.certificate, root.certificate].map((bytes) => ({ rawBytes: bytes.toString('base64') }));
  return { authority, trust: trusting({ ...whole, certificateAuthorities: whole.certificateAuthorities.map((one) => ({ ...one, certChain: { certificates } })) }) };
}

describe('CVE-2026-24122: where a timestamp is the only time', () => {
  const shapes: Record<string, [(template: CertificateTemplate) => CertificateTemplate, RegExp]> = {
    'an intermediate that had ended': [(one) => ({ ...one, notAfter: AT - HOUR }), /which is not valid at/],
    'an intermediate that had not begun': [(one) => ({ ...one, notBefore: AT + HOUR }), /which is not valid at/],
  };
  for (const profile of [OPERATOR, COSIGN]) {
    for (const [what, [shape, reason]] of Object.entries(shapes)) {
      for (const [format, make] of Object.entries({ legacy, bundle })) {
        test(`${what} has issued nothing, ${format}, for the ${profile.name} profile`, () => {
          const { authority, trust } = under(shape);
          refused(make(release, { log: 'none', timestamp: true, services: { authority } }), asking({ profile, trust, log: 'Ignored', timestamp: 'Required', sct: 'Ignored' }), 'CertificateInvalid', reason);
        });
      }
    }
  }
  test('and one that was valid then has, though it has ended since', () => {
    const { authority, trust } = under((one) => ({ ...one, notAfter: AT + HOUR }));
    assert.ok(prove(bundle(release, { log: 'none', timestamp: true, services: { authority } }), asking({ trust, log: 'Ignored', timestamp: 'Required', sct: 'Ignored', now: AT + YEAR })));
  });
});

describe('CVE-2026-39984: a timestamp', () => {
  const whole = world.timestampAuthority;
  const impostor = createTimestampAuthority({ at: AT });
  const cases: Record<string, { timestampAuthority: typeof whole; token?: object; trusts?: typeof whole }> = {
    'by somebody who has the authority’s name and certificate, and not its key': { timestampAuthority: { ...whole, key: impostor.key } },
    'by another authority, with its certificate in the token': { timestampAuthority: impostor, token: { certificate: true } },
    'by another authority of the same names, with the trusted certificate in the token': { timestampAuthority: { ...impostor, chain: whole.chain }, token: { certificate: true } },
  };
  for (const [what, { timestampAuthority, token }] of Object.entries(cases)) {
    test(`${what} is none`, () => {
      refused(bundle(release, { log: 'none', timestamp: true, services: { timestampAuthority }, ...(token === undefined ? {} : { token }) }), asking({ log: 'Ignored', timestamp: 'Required' }), 'TimestampInvalid');
    });
  }

  const trustingThis = (authority: typeof whole) => {
    const root = world.trustedRoot();
    const certificates = authority.chain.map((bytes) => ({ rawBytes: bytes.toString('base64') }));
    return () => trusting({ ...root, timestampAuthorities: root.timestampAuthorities.map((one) => ({ ...one, certChain: { certificates } })) });
  };
  const stamped = (timestampAuthority: typeof whole) => bundle(release, { log: 'none', timestamp: true, services: { timestampAuthority } });

  test('by a certificate that had ended when it stamped is none', () => {
    const ended = createTimestampAuthority({ at: AT, shape: (one) => ({ ...one, notAfter: AT - HOUR }) });
    refused(stamped(ended), asking({ trust: trustingThis(ended)(), log: 'Ignored', timestamp: 'Required' }), 'TimestampInvalid');
  });

  test('by a certificate that is not for time stamping is none, because its trust root is refused', () => {
    for (const usage of ['1.3.6.1.5.5.7.3.3', '2.5.29.37.0']) {
      const unfit = createTimestampAuthority({ at: AT, shape: (one) => ({ ...one, extensions: one.extensions.map((each) => (each.oid === '2.5.29.37' ? { ...each, value: usageOf(usage) } : each)) }) });
      assert.throws(trustingThis(unfit), /not for time stamping/);
    }
  });

  test('by a certificate that another root issued is none, because its trust root is refused', () => {
    const foreign = { ...whole, chain: [impostor.chain[0], whole.chain[1]] as const };
    assert.throws(trustingThis(foreign), /timestampAuthorities\[0\]\.certChain/);
  });
});

function usageOf(oid: string): Buffer {
  const numbers = oid.split('.').map(Number);
  const bytes = Buffer.from([(numbers[0] ?? 0) * 40 + (numbers[1] ?? 0), ...numbers.slice(2)]);
  return Buffer.concat([Buffer.from([0x30, bytes.length + 2, 0x06, bytes.length]), bytes]);
}

describe('peer: several keys of CT logs', () => {
  const older = createCtLog({ name: 'older.test' });
  const root = world.trustedRoot();
  const [own] = root.ctlogs;
  assert.ok(own);
  const old = { ...own, baseUrl: 'https://older.test', publicKey: { ...own.publicKey, rawBytes: older.key.spki.toString('base64') }, logId: { keyId: older.logId.toString('base64') } };

  test('count each for what was logged under it, in whatever order they are listed', () => {
    for (const ctlogs of [[own, old], [old, own]]) {
      const trust = trusting({ ...root, ctlogs });
      for (const log of [older, world.authority.ctLog]) assert.ok(prove(legacy(release, { certificate: { ctLogs: [log] } }), asking({ trust })));
    }
  });

  test('and a log that is not listed does not count beside them', () => {
    const trust = trusting({ ...root, ctlogs: [own, old] });
    refused(legacy(release, { certificate: { ctLogs: [createCtLog({ name: 'evil.test' })] } }), asking({ trust }), 'CertificateInvalid', /by one of the 2 CT logs/);
  });

  test('nor does a log that has the id of one of them and another key', () => {
    const forged = { ...older, key: generateKey() };
    refused(legacy(release, { certificate: { ctLogs: [forged] } }), asking({ trust: trusting({ ...root, ctlogs: [own, old] }) }), 'CertificateInvalid', /by one of the 2 CT logs/);
  });
});
