import { AT, ISSUER, SUBJECT } from '../support/signatures.ts';
import { trustedRoot } from '../support/sigstore/trusted-root.ts';
import { createWorld } from '../support/sigstore/world.ts';

/** P-256 throughout: the certificates of the stock verifier's chain are what takes its time. */
export const world = createWorld({ now: AT, authorityKeys: 'P-256' });
/** Trusted too. */
export const stranger = createWorld({ now: AT, name: 'stranger.test', authorityKeys: 'P-256' });
/** Has the world's names, and keys of its own, and is not trusted. */
export const twin = createWorld({ now: AT, authorityKeys: 'P-256' });
const { intermediate } = world.authority;
/** The trusted services in everything, the identifiers of their keys too, but the keys that they sign with. */
export const FORGED = [
  { authority: { ...world.authority, intermediate: { ...intermediate, key: { ...intermediate.key, privateKey: twin.authority.intermediate.key.privateKey } } } },
  { rekorV1: { ...twin.rekorV1, logId: world.rekorV1.logId } },
  { rekorV2: { ...twin.rekorV2, logId: world.rekorV2.logId } },
  { timestampAuthority: { ...twin.timestampAuthority, template: world.timestampAuthority.template } },
];
export const release = world.keyless({ subject: SUBJECT, issuer: ISSUER, claims: { githubWorkflowRef: 'refs/tags/v1' } });
export const person = world.keyless({ subject: 'dev@corp.test', issuer: 'https://accounts.test' });
export const username = world.keyless({ subject: 'dev!build', issuer: 'https://accounts.test' });
export const owner = world.key();
export const rsa = world.key('RSA-2048');
/** Two worlds' services: members of the trusted root that a signature does not need. */
export const root = trustedRoot([world, stranger], { at: AT });
