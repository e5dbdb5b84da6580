import type { Row } from './row.ts';

/** The rest of the advisories; see `advisories.ts`. */
export const MORE_ADVISORIES: readonly Row[] = [
  {
    id: 'CVE-2024-45395 (sigstore-go)',
    lesson: 'Log entries, timestamps, subjects, certificates and hashes are counted before any of them is looked at.',
    tests: { 'security/limits-apply-before-parsing': ['500 log entries', 'five timestamps', '1,025 subjects', 'a proof with 10,000 hashes', 'the most that is allowed is judged within 250 ms of processor time'] },
  },
  {
    id: 'CVE-2023-42813, CVE-2023-42814, CVE-2023-42815, CVE-2023-42816 (Kyverno)',
    lesson: 'A registry that stalls holds up those who ask it, and nobody else.',
    tests: { 'integration/operator-faults': ['a namespace full of images of a registry that does not answer does not hold up another namespace'], 'integration/registry-hostile': ['an answer that never comes: Unavailable', 'a body that drips: Unavailable', 'many slow answers in one call: Unavailable'], 'unit/verification/evidence': ['a place that does not answer in time is a failure, and what the other one holds counts'] },
  },
  {
    id: 'CVE-2023-25656 (notation-go); CVE-2025-66506 (fulcio); CVE-2025-66564 (timestamp-authority); CVE-2026-48702 (rekor)',
    lesson: 'Text is measured before it is split or parsed, and nothing is decompressed.',
    tests: { 'security/json-is-counted-before-it-is-parsed': ['a manifest of brackets is refused at once', 'a payload of keys is refused at once'], 'security/limits-apply-before-parsing': ['1 MiB of nested brackets', 'a timestamp of 100 KB', 'a checkpoint with 20,000 signatures'], 'integration/registry-hostile': ['a gzip bomb as manifest: ManifestInvalid', 'a compressed answer, even of the right bytes: ManifestInvalid'] },
  },
  {
    id: 'CVE-2023-7279 (Connaisseur)',
    lesson: 'Every pattern that somebody else may write is of RE2, bounded, and is matched in linear time.',
    tests: { 'unit/api/re2': ['a pattern that blows up elsewhere takes no time here', 'a pattern that compiles to too much is refused before it costs anything'], 'security/patterns-cannot-stop-the-operator': ['a pattern that takes longer is not compiled', 'a judgement whose proofs are all at hand ends when its time is used up, and lets others run'], 'unit/api/image-glob': ['the worst glob over the longest name takes no time'] },
  },
  {
    id: 'Connaisseur up to 1.3.0 and 3.1.1 (init and ephemeral containers)',
    lesson: 'Images are looked for in every list that a pod can have; a field that Kubernetes adds fails a test.',
    tests: { 'unit/api/pod-images': ['every image of a pod spec is found, with the pointer of its field', 'no other field of PodSpec has a name that says it may hold an image'], 'integration/crd-pod-spec': ['this API server has every image field that is known, and no other field whose name says image'], 'integration/operator-workloads': ['every kind of image field of a Deployment is pinned by one patch that changes nothing else, with exactly one rollout'] },
  },
  {
    id: 'CVE-2023-34091, GHSA-hq4m-4948-64cc (Kyverno)',
    lesson: 'What is being deleted is judged and told like anything else: a finalizer can keep it.',
    tests: { 'unit/controllers/workload': ['CVE-2023-34091: a workload that is being deleted, and kept by a finalizer, is judged and told like any other, and not written to'], 'integration/operator-workloads': ['CVE-2023-34091: a Deployment that is deleted, and kept by a finalizer, is told of with what it is changed to, and is not written to'] },
  },
  {
    id: 'CVE-2025-46342, GHSA-jrr2-x33p-6hvc (Kyverno)',
    lesson: 'Where it is not known whether a policy applies, it may: the workload waits, or the policy governs it.',
    tests: { 'unit/controllers/gather': ['a workload waits for a namespace that is not known, while a cluster-wide policy may choose it', 'a workload waits for a policy of all namespaces that is not compiled yet'], 'unit/verification/policy/compile': ['what of a refused policy cannot be read is taken to choose all workloads and no images'] },
  },
  {
    id: 'CVE-2024-48921, GHSA-gg4x-fgg2-h9w9 (Kyverno)',
    lesson: 'An exception stands in the policy that it is from, has an end and a reason, and weakens no other policy.',
    tests: { 'security/no-name-excuses': ['excuses the repository that it names, and none that begins or ends like it', 'of one policy is not one of another', 'ends when it says so'], 'unit/controllers/outcome': ['an exclusion of one policy does not weaken another'], 'integration/operator-policies': ['an exclusion counts until its end, is never called verified, and then the image is judged'] },
  },
  {
    id: 'CVE-2026-78427 (NeuVector)',
    lesson: 'No image, container or registry is let through by its name.',
    tests: { 'security/no-name-excuses': ['governs those that others let through by name', 'governs whatever is named', 'governs a container whatever its own name, in each list of a pod'] },
  },
  {
    id: 'CVE-2025-27403, GHSA-44f7-5fj5-h4px (Ratify)',
    lesson: 'Credentials go to the registry that they are for and to the token endpoint of its own domain, never after a redirect.',
    tests: { 'integration/registry-credentials': ['credentials do not go to a token endpoint of another domain', 'do not follow a redirect to another host', 'do not come back to work after a redirect away and back', 'are not given to a store that asks for them'], 'unit/registry/keychain': ['a host that only begins the same does not match'] },
  },
  {
    id: 'CVE-2026-40868, CVE-2026-41323, CVE-2026-22039, CVE-2026-41068, CVE-2026-4789 (Kyverno)',
    lesson: 'A policy names no URL; a registry leads to no address that its kind may not reach; references stay in their namespace.',
    tests: { 'integration/registry-reach': ['is not sent to 169.254.169.254', 'is judged by the address that is connected to, not by an earlier answer for the name', 'public to private by name: refused', 'is asked for at the registry alone, never elsewhere'], 'integration/operator-tenants': ['a Secret of another namespace cannot be named, not even by a path that leads there', 'an image of an address that is nobody’s registry is refused without a request'] },
  },
  {
    id: 'CVE-2023-47122 (gitsign)',
    lesson: 'Keys and authorities come from the trust root alone, never from what is to be verified nor from the service that issued it.',
    tests: { 'security/trust-comes-from-the-trust-root-alone': ['a root in a legacy signature’s chain annotation is no root', 'a root in a bundle’s chain is no root', 'an intermediate that the signature brings along is not used', 'the hint of a bundle’s key chooses no key'] },
    cannot: 'No service of Sigstore is ever asked for its key: nothing in the product contacts one.',
  },
  {
    id: 'CVE-2022-29173, CVE-2024-47534, CVE-2026-23992, CVE-2026-23991 (go-tuf); CVE-2026-24137 (sigstore)',
    lesson: 'A trust root is replaced only by a later one that its own keys signed, and a root that cannot be read replaces nothing.',
    tests: {
      'integration/trust-refresh': [
        'from the metadata that the library has kept', 'also when that is gone', 'nor another trusted root under the same version', 'with a new root that the old one did not sign, and what was good stays',
        'with a timestamp by a stranger, and what was good stays', 'with metadata that has expired, and what was good stays', 'with metadata that is no metadata', 'names are those of this program: none comes from what a mirror says',
      ],
      'unit/signatures/trust-root': ['an empty object', 'a log without a validity'],
    },
    cannot: 'Delegations are not asked for: the one target that is wanted is named by the targets role itself.',
  },
  {
    id: 'CVE-2023-33959, CVE-2024-23332 (notation)',
    lesson: 'A genuine signature of another repository, or of long ago, is refused where the policy says so.',
    tests: { 'integration/security-registry': ['of another repository is refused where the repository is asked for', 'of an old image is refused where an age is asked for'], 'unit/verification/judge': ['requireRepository refuses a signature made for another repository', 'a signature from before notBefore is too old'] },
  },
  {
    id: 'CVE-2026-44310, CVE-2026-44309 (gitsign)',
    lesson: 'Whatever breaks is a failure with an exit code, and what is verified are the bytes as they came.',
    tests: { 'security/no-flag-opens': ['of a look-up (blob) is no success', 'but the same image passes when nothing does'], 'security/signed-junk-is-no-signature': ['a line end after it, legacy', 'its members in another order, bundle'], 'unit/verification/engine': ['whatever proving throws, the signature proves nothing'] },
  },
  {
    id: 'CVE-2026-23881, CVE-2026-41485, CVE-2025-47281 (Kyverno)',
    lesson: 'What a policy costs is bounded before it is paid, and one that breaks costs the others nothing.',
    tests: { 'integration/operator-tenants': ['the largest policy that the API server takes, full of costly patterns, is refused by name and does not hold up the event loop'], 'unit/controllers/policy': ['a policy that breaks compilation is refused by itself, and the fleet goes on'], 'unit/controllers/gather': ['an engine that throws over one image costs the others nothing'], 'unit/verification/policy/leaves': ['whatever the JSON, compilation answers'] },
  },
  {
    id: 'CVE-2024-12401, CVE-2026-25518 (cert-manager); CVE-2026-49835 (timestamp-authority)',
    lesson: 'PEM is read in one pass, and no label of a metric holds what somebody else chose.',
    tests: { 'security/pem-is-read-at-once': ['beginnings without an end, in a policy\'s key', 'beginnings of two kinds in turn, where the log says who signed'], 'integration/operator-metrics': ['no event makes a new series, and no label holds an image, a digest, a namespace, a workload or a user'], 'unit/telemetry/metrics': ['any status code a server may think of ends in a bounded label'] },
    cannot: 'No answer of a name server is parsed here: names are resolved by the machine.',
  },
  {
    id: 'CVE-2024-56513, GHSA-mg7w-c9x2-xh7r, CVE-2024-56514 (Karmada)',
    lesson: 'The operator may do what it does and nothing else, and each right is needed.',
    tests: { 'integration/config-rbac': ['names every group, resource and verb: no wildcard, nothing that makes or widens rights, no list of Secrets', 'needs each right by itself: without it the API server says no, with it yes', 'is what it may do: it uses each right, and asks for nothing else'] },
    cannot: 'There is no agent in the member clusters, and no archive is ever unpacked.',
  },
  {
    id: 'CVE-2022-39272 (Flux)',
    lesson: 'A duration that is none is refused by the schema and by the compiler, and stops nobody.',
    tests: { 'integration/crd': ['the API server refuses, with the path of the field and a sentence'], 'security/no-interval-stops-the-operator': ['CVE-2022-39272: whatever is written as a duration is one that a clock can wait for, or is refused by name'] },
  },
];
