import { certificateFaults } from './sigstore/authority.ts';
import { certificatePem } from './sigstore/keys.ts';
import type { SignOptions } from './sigstore/sign.ts';
import type { World } from './sigstore/world.ts';

/** The certificate authorities of a world in PEM, root first, as `keyless.caCert` takes them. */
export function ownAuthoritiesPem({ authority }: World): string {
  return [authority.root.certificate, authority.intermediate.certificate].map((der) => certificatePem(der)).join('');
}

/** How somebody signs whose certificate is of a PKI that knows neither OpenID issuers nor CT logs. */
export const OWN_CERTIFICATE: SignOptions = { certificate: { shape: certificateFaults.noIssuer, ctLogs: [] } };

/** What the issuer of such a certificate is called. */
export function ownIssuer({ authority: { name } }: World): string {
  return `O=${name}, CN=intermediate`;
}
