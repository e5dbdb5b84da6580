import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judge, summaryOf } from '../../../../src/cli/doctor/judge.ts';
import { CHECKS, type Facts, type Finding } from '../../../../src/cli/doctor/types.ts';
import { complaints, healthy, karmada, NOW, policy, seen, template, UNSEEN } from './healthy.ts';

const DAY = 86_400_000;
const access = (change: object): Facts['access'] => seen({ source: 'kubeconfig /k', server: 'https://api.example', context: 'prod', insecure: false, ...change });
const rights = (change: object): Pick<Facts, 'rights'> => ({ rights: seen({ account: 'bot', asked: 'account', missing: [], excess: [], askedFor: 38, ...change }) });
const definition = (change: object): Pick<Facts, 'definitions'> => ({ definitions: seen([{ name: 'imageverifications.assay.dev', state: 'installed' as const, established: true, same: true, lacks: [], adds: [], ...change }]) });
const policies = (...items: ReturnType<typeof policy>[]): Pick<Facts, 'policies'> => ({ policies: seen({ items, more: false }) });
const onKarmada = (change: Parameters<typeof karmada>[0]): Pick<Facts, 'karmada'> => ({ karmada: karmada(change) });
const SERVER_OUT = { caller: undefined, rights: undefined, definitions: undefined, policies: undefined, operator: undefined, registries: undefined } as unknown as Partial<Facts>;

describe('an installation as it should be', () => {
  for (const [where, change] of Object.entries({ 'on a plain cluster': {}, 'on Karmada': { karmada: karmada() } })) {
    test(`${where} has nothing but ok`, () => {
      assert.deepEqual(complaints(change), []);
      assert.ok(judge(healthy(change)).length >= 12);
    });
  }

  test('has each check told, in one order, on Karmada', () => {
    const told = [...new Set(judge(healthy({ karmada: karmada() })).map(({ check }) => check))];
    assert.deepEqual(told.toSorted(), [...CHECKS].toSorted());
  });
});

/** What is wrong, which check says so, how bad it is, and what its sentence and advice must have. */
type Case = readonly [change: Partial<Facts>, check: Finding['check'], result: Finding['result'], what: RegExp, todo?: RegExp];

const CASES: Readonly<Record<string, Case>> = {
  'no configuration': [{ ...SERVER_OUT, access: { seen: false, why: 'kubeconfig /k cannot be read' }, server: undefined as never }, 'configuration', 'problem', /^kubeconfig \/k cannot be read$/],
  'a server whose certificate is not checked': [{ access: access({ insecure: true }) }, 'configuration', 'warning', /is not checked/, /insecure-skip-tls-verify/],
  'a server that is not there': [{ ...SERVER_OUT, server: { reached: false, at: 'address', why: 'ECONNREFUSED' } }, 'server', 'problem', /cannot be reached: ECONNREFUSED/, /proxy/],
  'a server that somebody else vouches for': [{ ...SERVER_OUT, server: { reached: false, at: 'tls', why: 'x' } }, 'server', 'problem', /not trusted/, /certificate-authority-data/],
  'credentials that are not accepted': [{ ...SERVER_OUT, server: { reached: false, at: 'credentials', why: 'Unauthorized' } }, 'server', 'problem', /credentials/, /renew/],
  'a server that answers nonsense': [{ ...SERVER_OUT, server: { reached: false, at: 'answer', why: 'not JSON' } }, 'server', 'problem', /does not answer as it should/, /log/],
  'a token that has expired': [{ access: access({ expires: { of: 'token', at: NOW - DAY } }) }, 'credentials', 'problem', /token has expired 1d ago/, /renew/],
  'a certificate that expires soon': [{ access: access({ expires: { of: 'client certificate', at: NOW + 3 * DAY } }) }, 'credentials', 'warning', /expires in 3d, on 2026-11-25/, /before/],
  'nobody': [{ caller: seen('system:anonymous') }, 'credentials', 'problem', /nobody/, /renew/],
  'an unknown caller': [{ caller: UNSEEN }, 'credentials', 'unseen', /network was away/, /whoami/],
  'a clock that is a bit off': [{ server: { reached: true, version: 'v1.35.3', milliseconds: 5, skew: -30_000 } }, 'clock', 'warning', /30s behind/, /synchronize/],
  'a clock that is far off': [{ server: { reached: true, version: 'v1.35.3', milliseconds: 5, skew: 3_600_000 } }, 'clock', 'problem', /1h ahead of/, /synchronize/],
  'no time told': [{ server: { reached: true, version: 'v1.35.3', milliseconds: 5 } }, 'clock', 'unseen', /what time/, /date/],
  'an old Kubernetes': [{ server: { reached: true, version: 'v1.29.9', milliseconds: 5, skew: 0 } }, 'version', 'problem', /v1\.29\.9 is older than 1\.30/, /upgrade/],
  'a version that is none': [{ server: { reached: true, version: 'dev', milliseconds: 5, skew: 0 } }, 'version', 'unseen', /"dev"/],
  'a definition that is not installed': [definition({ state: 'absent' }), 'definitions', 'problem', /not installed/, /config\/crd/],
  'a definition that may not be read': [definition({ state: 'unreadable' }), 'definitions', 'unseen', /may not be read/, /kubectl get crd/],
  'a definition that is not served': [definition({ established: false }), 'definitions', 'problem', /not served/, /describe crd/],
  'an older definition': [definition({ same: false, lacks: ['spec.pin.followInterval'] }), 'definitions', 'problem', /older.*spec\.pin\.followInterval/, /config\/crd/],
  'a newer definition': [definition({ same: false, adds: ['spec.future'] }), 'definitions', 'warning', /newer.*spec\.future/, /run the version/],
  'a definition with other rules': [definition({ same: false }), 'definitions', 'warning', /not that of this version/, /apply/],
  'an older definition on Karmada': [{ ...definition({ state: 'absent' }), karmada: karmada() }, 'definitions', 'problem', /not installed/, /config\/karmada\/control-plane/],
  'a right that is missing': [rights({ missing: [{ group: 'apps', resource: 'deployments', verb: 'patch' }] }), 'rights', 'problem', /bot may not patch deployments\.apps/, /- \{apiGroups: \[apps\], resources: \[deployments\], verbs: \[patch\]\}/],
  'Secrets that may not be read': [rights({ missing: [{ group: '', resource: 'secrets', verb: 'get' }] }), 'rights', 'warning', /may not get secrets/, /apiGroups: \[""\]/],
  'a kind that may not be read': [rights({ missing: [{ group: 'ray.io', resource: 'rayjobs', verb: 'list' }] }), 'rights', 'warning', /may not list rayjobs\.ray\.io/, /apiGroups: \[ray\.io\]/],
  'Karmada that may not be read': [rights({ missing: [{ group: 'work.karmada.io', resource: 'works', verb: 'list' }] }), 'rights', 'problem', /may not list works\.work\.karmada\.io/],
  'an account without rights': [rights({ askedFor: 1, missing: [{ group: 'apps', resource: 'deployments', verb: 'list' }] }), 'rights', 'problem', /may do nothing/, /--account/],
  'rights of a caller': [rights({ asked: 'caller', missing: [{ group: 'apps', resource: 'deployments', verb: 'list' }] }), 'rights', 'problem', /asked for ourselves/],
  'an operator that may do everything': [rights({ excess: [{ group: '*', resource: '*', verb: '*' }] }), 'rights', 'warning', /bot may do everything \(cluster-admin/, /clusterrolebindings/],
  'an operator that may list Secrets': [rights({ excess: [{ group: '', resource: 'secrets', verb: 'list' }] }), 'rights', 'warning', /more than it needs: list secrets/],
  'rights that could not be asked': [{ rights: UNSEEN }, 'rights', 'unseen', /network was away/, /can-i/],
  'no operator': [{ operator: seen([]) }, 'operator', 'warning', /no Deployment/, /config\/default/],
  'an operator that crashes': [{ operator: seen([{ id: 'Deployment a/b', wanted: 1, available: 0, image: 'i' }]) }, 'operator', 'problem', /not available/, /logs/],
  'an operator that is scaled to nothing': [{ operator: seen([{ id: 'Deployment a/b', wanted: 0, available: 0, image: 'i' }]) }, 'operator', 'problem', /scaled to 0/, /--replicas=1/],
  'two operators': [{ operator: seen([{ id: 'Deployment a/b', wanted: 2, available: 2, image: 'i' }]) }, 'operator', 'problem', /2 replicas/, /--replicas=1/],
  'an operator in a cluster that is not looked at': [{ operator: UNSEEN, karmada: karmada() }, 'operator', 'unseen', /network was away/, /--kubeconfig HOST/],
  'no policy': [policies(), 'policies', 'warning', /no policy/, /config\/samples/],
  'a policy that is not Ready': [policies(policy({ ready: { type: 'Ready', status: 'False', reason: 'PolicyInvalid', message: 'spec.treshold is no field', lastTransitionTime: '' } })), 'policies', 'problem', /web\/release is not Ready: PolicyInvalid: spec\.treshold/, /correct the field/],
  'a policy that nobody acts on': [policies(policy({ observedGeneration: 1 })), 'policies', 'problem', /no operator has acted on any policy/, /logs/],
  'a policy without a status': [policies(policy(), (({ observedGeneration: _, ready: __, ...rest }) => rest)(policy())), 'policies', 'problem', /acted on 1 policy/],
  'a policy that is suspended': [policies(policy({ suspended: true })), 'policies', 'warning', /suspended/, /spec\.suspend/],
  'policies that could not be read': [{ policies: UNSEEN }, 'policies', 'unseen', /network was away/],
  'more policies than are looked at': [{ policies: seen({ items: [policy()], more: true }) }, 'policies', 'unseen', /only 1/],
  'an expression without an anchor': [policies(policy({ weaknesses: ['x does not start with ^'] })), 'patterns', 'warning', /does not start with \^/, /from \^ to \$/],
  'a check that is left out': [policies(policy({ exceptions: ['authority "a" takes what no log has seen'] })), 'exceptions', 'warning', /no log has seen/],
  'a trust root that cannot be read': [{ trust: UNSEEN }, 'trust', 'problem', /cannot be used/, /--trusted-root/],
  'a trust root of which all authorities ended': [{ trust: seen({ origin: 'f', authorities: 2, currentAuthorities: 0 }) }, 'trust', 'problem', /none of the 2 certificate authorities/, /refresh/],
  'a trust root that nobody vouches for': [{ trust: seen({ origin: 'f', authorities: 1, currentAuthorities: 1, refreshedAt: NOW - 9 * DAY, expires: NOW - DAY }) }, 'trust', 'warning', /since 2026-11-21/, /refresh/],
  'a trust root that ends soon': [{ trust: seen({ origin: 'f', authorities: 1, currentAuthorities: 1, lastEnd: NOW + 9 * DAY }) }, 'trust', 'warning', /ends in 9d/],
  'a registry that throttles': [{ registries: seen([{ host: 'docker.io', answer: 'Throttled' as const }]) }, 'registries', 'warning', /docker\.io throttles/],
  'a registry that is away': [{ registries: seen([{ host: 'r.example', answer: 'Unreachable' as const, why: 'ENOTFOUND' }]) }, 'registries', 'problem', /r\.example cannot be asked: ENOTFOUND/, /proxy/],
  'registries that were not to be asked': [{ settings: { ...healthy().settings, askRegistries: false } }, 'registries', 'unseen', /not asked/, /--registries/],
  'a group of Karmada that is away': [onKarmada({ groups: [{ group: 'cluster.karmada.io/v1alpha1', state: 'outage', why: '503' }] }), 'karmada', 'problem', /not served at the moment: 503/, /karmada-aggregated-apiserver/],
  'half of Karmada': [onKarmada({ groups: [{ group: 'work.karmada.io/v1alpha2', state: 'absent' }] }), 'karmada', 'problem', /not installed/],
  'a group that may not be seen': [onKarmada({ groups: [{ group: 'work.karmada.io/v1alpha2', state: 'unreadable', why: 'forbidden' }] }), 'karmada', 'unseen', /forbidden/],
  'an old Karmada': [onKarmada({ lacks: seen(['Work spec.suspendDispatching (Karmada 1.11)']) }), 'karmada', 'problem', /older than 1\.13.*suspendDispatching/, /1\.13/],
  'Karmada that follows our group': [onKarmada({ skipped: seen({}) }), 'propagation', 'problem', /follows all objects of assay\.dev/, /--skipped-propagating-apis=assay\.dev/],
  'a host cluster that is not looked at': [onKarmada({ skipped: UNSEEN }), 'propagation', 'unseen', /cannot be seen/, /kubectl --kubeconfig HOST -n karmada-system get deploy karmada-controller-manager/],
  'a policy of ours that is propagated': [{ karmada: karmada(), ...policies(policy({ propagated: true })) }, 'propagation', 'problem', /propagates 1 policy of Assay/, /skipped-propagating-apis/],
  'a Lazy policy': [onKarmada({ lazy: seen({ items: ['PropagationPolicy web/web'], more: false }) }), 'lazy', 'warning', /1 propagation policy is Lazy/],
  'a pull secret that only members have': [onKarmada({ missingSecrets: seen(['web/pull']) }), 'pull-secrets', 'warning', /1 pull secret .* not on the control plane/, /--docker-config/],
  'pull secrets that may not be listed': [onKarmada({ missingSecrets: UNSEEN }), 'pull-secrets', 'unseen', /network was away/],
  'kinds that hide their images': [onKarmada({ hidden: seen([{ resource: 'helmreleases.helm.toolkit.fluxcd.io', kind: 'HelmRelease', count: 3 }]) }), 'hidden-images', 'warning', /3 HelmReleases/],
  'templates that could not be read': [onKarmada({ templates: UNSEEN }), 'overrides', 'unseen', /templates could not be read/],
};

describe('what is said of', () => {
  for (const [name, [change, check, result, what, todo]] of Object.entries(CASES)) {
    test(name, () => {
      const said = complaints(change);
      const found = said.find((finding) => finding.check === check && finding.result === result && what.test(finding.what));
      assert.ok(found, JSON.stringify(said, undefined, 1));
      if (todo !== undefined) assert.match(found.todo ?? '', todo);
    });
  }

  test('one thing is nothing about others', () => {
    const others = Object.entries(CASES).filter(([name]) => !/^(?:no configuration|a server that|credentials that|nobody)/.test(name)).map(([name, [change, check]]) => [name, complaints(change).filter((finding) => finding.check !== check).map((finding) => finding.check)] as const);
    assert.deepEqual(others.filter(([, checks]) => checks.length > 0), []);
  });
});

test('where the server is not reached nothing else is complained of, and that is said', () => {
  const said = complaints({ ...SERVER_OUT, server: { reached: false, at: 'address', why: 'x' } });
  assert.deepEqual(said.map(({ check, result }) => `${check} ${result}`), ['server problem', 'server unseen']);
});

test('a token of a plugin that lives for an hour is no warning', () => {
  assert.deepEqual(complaints({ access: access({ expires: { of: 'token', at: NOW + DAY / 24 } }) }), []);
});

test('of many objects a few are named, and how many there are', () => {
  const many = Array.from({ length: 12 }, (_, index) => policy({ id: `ImageVerification web/p${index}`, observedGeneration: 1 }));
  const [finding] = complaints(policies(...many));
  assert.deepEqual([finding?.objects?.length, finding?.count], [5, 12]);
});

test('many policies that are not Ready do not fill the screen', () => {
  const refused = { type: 'Ready', status: 'False', reason: 'PolicyInvalid', message: 'x', lastTransitionTime: '' } as const;
  const many = Array.from({ length: 500 }, (_, index) => policy({ id: `p${index}`, ready: refused, weaknesses: ['w'], exceptions: ['e'] }));
  assert.ok(complaints(policies(...many)).length < 40);
});

test('the summary counts', () => {
  assert.deepEqual(summaryOf(judge(healthy({ trust: UNSEEN, karmada: karmada({ templates: seen({ items: [template()], more: true }) }) }))), { problem: 1, warning: 0, unseen: 1, ok: judge(healthy({ karmada: karmada() })).length - 1 });
});
