import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LEDGER, policies, type Sent, sent, SHOP } from '../../../hack/demo/karmada/manifests.ts';
import { type FleetObserved, hasCondition, isDroppedIn, isPinned, isUntouched, outcomes, type SentOutcome } from '../../../hack/demo/karmada/outcome.ts';
import { clusterTable, fleetTable, karmadaMetrics, propagationTable } from '../../../hack/demo/karmada/report.ts';
import type { DeploymentObject } from '../../../hack/demo/outcome.ts';
import { DEMO_PARTS, type DemoImages } from '../../../hack/demo-images.ts';

const bare = (text: string): string => text;
const HOST = '127.0.0.1:5000';
const MIRROR = '127.0.0.1:6000';
const digest = (index: number): `sha256:${string}` => `sha256:${String(index).repeat(64)}`;
const images = Object.fromEntries(DEMO_PARTS.map((part, index) => [part, { reference: `${HOST}/shop/${part}:1.0`, digest: digest(index), signed: '' }])) as DemoImages['images'];
const [WEB, , REPORT] = SHOP as readonly [Sent, Sent, Sent];

const TAG = images.web.reference;
const PINNED = TAG.replace(':1.0', `@${images.web.digest}`);
const MIRRORED = PINNED.replace(HOST, MIRROR);

function deployments({ namespace, name }: Sent, image: string | undefined): DeploymentObject[] {
  return image === undefined ? [] : [{ metadata: { namespace, name, uid: 'u' }, spec: { template: { spec: { containers: [{ name, image }] } } } }];
}

/** What became of one Deployment that has these images at Karmada and in its members. */
function outcome(one: Sent, template: string, members: Readonly<Record<string, string | undefined>>): SentOutcome {
  const there = new Map(Object.entries(members).map(([name, image]) => [name, deployments(one, image)] as const));
  const seen: FleetObserved = { templates: deployments(one, template), members: there, policies: [] };
  const [found] = outcomes([one], { images } as DemoImages, seen);
  assert.ok(found);
  return found;
}

describe('an outcome on Karmada', () => {
  const cases: Record<string, readonly [boolean, boolean]> = {
    'is pinned when the digest that was signed is at Karmada and in both clusters': [isPinned(outcome(WEB, PINNED, { member1: PINNED, member2: PINNED })), true],
    'is pinned when a cluster has that digest from a mirror': [isPinned(outcome(WEB, PINNED, { member1: PINNED, member2: MIRRORED })), true],
    'is not, while one cluster has the tag': [isPinned(outcome(WEB, PINNED, { member1: PINNED, member2: TAG })), false],
    'is not, while one cluster has nothing': [isPinned(outcome(WEB, PINNED, { member1: PINNED, member2: undefined })), false],
    'is not, with another digest': [isPinned(outcome(WEB, PINNED.replaceAll('0'.repeat(64), '9'.repeat(64)), { member1: PINNED, member2: PINNED })), false],
    'is not, when only the clusters have the digest': [isPinned(outcome(WEB, TAG, { member1: PINNED, member2: PINNED })), false],
    'is untouched where it was sent, and nowhere else': [isUntouched(outcome(REPORT, images.unsigned.reference, { member1: undefined, member2: images.unsigned.reference })), true],
    'is not untouched in a cluster that it was not sent to': [isUntouched(outcome(REPORT, images.unsigned.reference, { member1: images.unsigned.reference, member2: images.unsigned.reference })), false],
    'is not untouched when it was pinned': [isUntouched(outcome(WEB, PINNED, { member1: TAG, member2: TAG })), false],
    'is dropped in a cluster that has only the tag': [isDroppedIn('member2', outcome(WEB, PINNED, { member1: PINNED, member2: TAG })), true],
    'is not dropped where the digest is': [isDroppedIn('member2', outcome(WEB, PINNED, { member1: PINNED, member2: MIRRORED })), false],
    'is not dropped when all clusters have only the tag': [isDroppedIn('member2', outcome(WEB, PINNED, { member1: TAG, member2: TAG })), false],
    'is not dropped when there was no digest to drop': [isDroppedIn('member2', outcome(WEB, TAG, { member1: PINNED, member2: TAG })), false],
  };
  for (const [sentence, [came, expected]] of Object.entries(cases)) test(sentence, () => assert.equal(came, expected));

  test('is shown in one line, with the mirror by that name', () => {
    const view = { members: ['member1', 'member2'], mirror: MIRROR, applied: true, isRight: isPinned };
    const [head, line] = fleetTable([outcome(WEB, PINNED, { member1: undefined, member2: MIRRORED })], view, bare);
    assert.match(head ?? '', /^ +DEPLOYMENT +APPLIED +AT KARMADA +IN MEMBER1 +IN MEMBER2$/);
    assert.match(line ?? '', /^✖ {2}shop\/web +shop\/web:1\.0 +shop\/web@sha256:0{8}… +- +mirror\/shop\/web@sha256:0{8}…$/);
  });
});

describe('the manifests of the demo on Karmada', () => {
  test('send what a team applies, by tag, with a policy for each of its placements', () => {
    const objects = sent(SHOP, { images } as DemoImages) as { kind: string; metadata: { name: string }; spec: { resourceSelectors?: { name: string }[]; placement?: unknown } }[];
    assert.deepEqual(objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`), ['Deployment web', 'Deployment api', 'Deployment report', 'PropagationPolicy everywhere', 'PropagationPolicy europe']);
    assert.deepEqual(objects[3]?.spec.resourceSelectors?.map(({ name }) => name), ['web', 'api']);
    assert.deepEqual(objects[4]?.spec.placement, { clusterAffinity: { clusterNames: ['member2'] } });
    assert.ok(!JSON.stringify(objects).includes('sha256:'));
  });

  test('have one policy whose pins keep the tag: that of the override', () => {
    const demo = { globs: { keyless: 'a/**', keyed: 'b/**' }, identity: { issuer: 'i', subject: 's', subjectRegExp: '^s$' }, keyPem: 'k', trustedRootJson: '{}', images } as DemoImages;
    const forms = policies('assay-system', demo).flatMap(({ kind, metadata, spec }) => (kind === 'ClusterImageVerification' ? [[(metadata as { name: string }).name, (spec as { pin?: { form: string } }).pin?.form]] : []));
    assert.deepEqual(forms, [['shop', undefined], ['billing', 'TagAndDigest']]);
    assert.equal(LEDGER.namespace, 'billing');
  });
});

describe('the status of a policy on Karmada', () => {
  const policy = {
    metadata: { name: 'shop' },
    status: {
      conditions: [{ type: 'Pinned', status: 'False', reason: 'DigestDroppedByOverride', message: '' }],
      propagation: [{ kind: 'PropagationPolicy', namespace: 'shop', name: 'europe', templates: 1, verified: 0, failed: 1, unknown: 0 }],
      clusters: [{ name: 'member2', workloads: 3, verified: 2, failed: 1, unpinned: 1 }],
    },
  };

  test('is shown by policy of Karmada and by cluster', () => {
    assert.match(propagationTable(policy, bare)[1] ?? '', /^PropagationPolicy shop\/europe +1 +0 +1 +0$/);
    assert.match(clusterTable(policy, bare)[1] ?? '', /^member2 +3 +2 +1 +1$/);
  });

  test('has a condition only with its reason', () => {
    assert.ok(hasCondition(policy, 'Pinned', 'False', 'DigestDroppedByOverride'));
    for (const [type, status, reason] of [['Pinned', 'False', 'NotPinned'], ['Pinned', 'True', undefined], ['Verified', 'False', undefined]] as const) assert.ok(!hasCondition(policy, type, status, reason));
    assert.ok(!hasCondition(undefined, 'Pinned', 'False'));
  });

  test('is counted by series of which only those are shown that are not 0', () => {
    assert.deepEqual(karmadaMetrics('# HELP assay_karmada_works x\nassay_karmada_works{result="Failed"} 0\nassay_karmada_works{result="Verified"} 5\nassay_karmada_digests_dropped 1\nassay_pins_total 3'), ['assay_karmada_works{result="Verified"} 5', 'assay_karmada_digests_dropped 1']);
  });
});
