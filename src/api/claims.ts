/**
 * What a certificate says beside issuer and subject, by the names of the API (api.md, `claims`), with the last arc of the
 * extension's OID 1.3.6.1.4.1.57264.1.* (fulcio, docs/oid-info.md). The closed list that a policy may ask for.
 */
export const CLAIM_OIDS = {
  githubWorkflowTrigger: 2,
  githubWorkflowSha: 3,
  githubWorkflowName: 4,
  githubWorkflowRepository: 5,
  githubWorkflowRef: 6,
  buildSignerURI: 9,
  buildSignerDigest: 10,
  runnerEnvironment: 11,
  sourceRepositoryURI: 12,
  sourceRepositoryDigest: 13,
  sourceRepositoryRef: 14,
  sourceRepositoryIdentifier: 15,
  sourceRepositoryOwnerURI: 16,
  sourceRepositoryOwnerIdentifier: 17,
  buildConfigURI: 18,
  buildConfigDigest: 19,
  buildTrigger: 20,
  runInvocationURI: 21,
  sourceRepositoryVisibilityAtSigning: 22,
} as const;

export type ClaimName = keyof typeof CLAIM_OIDS;

/** The names, in the order of their OIDs. */
export const CLAIM_NAMES = Object.keys(CLAIM_OIDS) as readonly ClaimName[];
