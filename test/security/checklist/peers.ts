import type { Row } from './row.ts';

/** What other products were seen to do on a real API server, before a real registry. */
export const PEERS: readonly Row[] = [
  {
    id: 'a field of a policy vanishes, and with it the demand for a log entry',
    lesson: 'No field is pruned or converted away: an unknown one, at any level, keeps the policy from being in force.',
    tests: { 'integration/crd': ['defaults are written, and unknown fields kept at every level'], 'unit/verification/policy/leaves': ['an unknown field is refused with its path, wherever it is', 'authorities[].ctlog.insecureIgnore acts or is refused by name'], 'integration/operator-policies': ['a field that this build does not act on makes the policy invalid with its path, its images Unknown, and nothing is pinned'] },
  },
  {
    id: 'a cache of a thousand entries holds seventeen',
    lesson: 'A bound is what it says: a thousand verdicts stay, and cost the registry nothing.',
    tests: { 'integration/security-registry': ['peer: a cache of a thousand entries holds a thousand: the second look at that many digests asks the registry nothing'] },
  },
  {
    id: 'a tag is looked up again after the verdict',
    lesson: 'One look asks for a tag once, a digest asks for none.',
    tests: { 'integration/security-registry': ['peer: after the verdict no tag is looked up again, and a verdict about a digest asks for no tag at all'], 'unit/verification/engine': ['warm by digest costs no request, warm by tag one HEAD, and no proof'] },
  },
  {
    id: 'one 429 refuses at once',
    lesson: 'A registry that throttles now and then refuses nobody; one that throttles for good is told as such and asked again when it said.',
    tests: { 'integration/security-registry': ['now and then refuses nobody'], 'integration/registry-hostile': ['one 429 is not an outage', 'a short Retry-After is waited for', '429 with a long Retry-After: Throttled'] },
  },
  {
    id: 'a missing tag, a registry that is down and one that throttles are told alike',
    lesson: 'Each has its own reason, and none is "no signature".',
    tests: { 'integration/security-registry': ['is told apart from one that is down, from a tag that is not there and from an image that nobody signed'], 'integration/operator-registry': ['a registry that misbehaves in every way: each has its reason, nothing is pinned, no text of the registry is repeated, and all recovers unaided'] },
  },
  {
    id: 'one CT key only, so that older genuine signatures fail',
    lesson: 'Each CT log of the trust root counts for what it logged in its time.',
    tests: { 'security/time-is-that-of-the-whole-chain': ['count each for what was logged under it, in whatever order they are listed', 'nor does a log that has the id of one of them and another key'] },
  },
  {
    id: 'a wrong identity is told without the one that was wanted',
    lesson: 'A refusal names what was found and what was wanted.',
    tests: { 'integration/security-registry': ['peer: a wrong identity is told with the one that was wanted'], 'unit/verification/judge': ['the wrong signer is told together with the wanted one'] },
  },
];
