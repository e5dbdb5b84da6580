import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KIND_ENTRIES } from '../../../../src/api/further-kinds.ts';
import { WORKLOAD_KINDS } from '../../../../src/api/workload-kinds.ts';
import { skipsGroup } from '../../../../src/cli/doctor/check-karmada.ts';
import { expiryOf, failureAt } from '../../../../src/cli/doctor/gather-access.ts';
import { hasField } from '../../../../src/cli/doctor/gather-karmada.ts';
import { skippedOf } from '../../../../src/cli/doctor/gather-operator.ts';
import { projectPolicy } from '../../../../src/cli/doctor/gather-policies.ts';
import { questionsOf } from '../../../../src/cli/doctor/gather-registries.ts';
import { projectTemplate } from '../../../../src/cli/doctor/gather-templates.ts';
import { look } from '../../../../src/cli/doctor/look.ts';
import { NEEDED_RIGHTS, rightText, rulesOf } from '../../../../src/cli/doctor/rights.ts';
import { tableOf } from '../../../../src/cli/doctor/table.ts';
import { ApiError } from '../../../../src/kube/api-error.ts';
import type { KubeObject } from '../../../../src/kube/object.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { policy } from './healthy.ts';

const jwt = (claims: object): string => `Bearer ${['{}', JSON.stringify(claims), 'sig'].map((part) => Buffer.from(part).toString('base64url')).join('.')}`;

describe('when credentials end', () => {
  const cases: Readonly<Record<string, readonly [Parameters<typeof expiryOf>[0], ReturnType<typeof expiryOf>]>> = {
    'is in a token that is a JWT': [{ headers: { authorization: jwt({ exp: 1_700_000_000 }) }, tls: {} }, { of: 'token', at: 1_700_000_000_000 }],
    'is not in a JWT without an end': [{ headers: { authorization: jwt({ sub: 'x' }) }, tls: {} }, undefined],
    'is not in another token': [{ headers: { authorization: 'Bearer abc' }, tls: {} }, undefined],
    'is not in what looks like a JWT and is none': [{ headers: { authorization: 'Bearer a.b.c' }, tls: {} }, undefined],
    'is not in a certificate that cannot be read': [{ headers: {}, tls: { cert: 'x' } }, undefined],
    'is not known without credentials': [{ headers: {}, tls: {} }, undefined],
  };
  for (const [name, [credentials, wanted]] of Object.entries(cases)) test(name, () => assert.deepEqual(expiryOf(credentials), wanted));
});

describe('a call that fails, fails at', () => {
  const unreachable = (code: string): ApiError => new ApiError('Unreachable', 'x', { cause: Object.assign(new Error('x'), { code }) });
  const cases = {
    'the address, where nothing listens': [unreachable('ECONNREFUSED'), 'address'],
    'the address, where no name is known': [unreachable('ENOTFOUND'), 'address'],
    'the address, where nothing comes back': [new ApiError('Timeout', 'x'), 'address'],
    'TLS, where the authority is another': [unreachable('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'tls'],
    'TLS, where the certificate has expired': [unreachable('CERT_HAS_EXPIRED'), 'tls'],
    'TLS, where the name is another': [unreachable('ERR_TLS_CERT_ALTNAME_INVALID'), 'tls'],
    'TLS, where there is none': [unreachable('ERR_SSL_WRONG_VERSION_NUMBER'), 'tls'],
    'the credentials, where they are refused': [new ApiError('Unauthorized', 'x', { status: 401 }), 'credentials'],
    'the credentials, where there are none to be had': [new ApiError('NoCredentials', 'x'), 'credentials'],
    'the answer, where it is another': [new ApiError('BadResponse', 'x'), 'answer'],
    'the answer, where the server is in trouble': [new ApiError('ServerError', 'x', { status: 500 }), 'answer'],
  } as const;
  for (const [name, [error, wanted]] of Object.entries(cases)) test(name, () => assert.equal(failureAt(error), wanted));
});

describe('what karmada-controller-manager is told to leave alone', () => {
  const manager = (...command: string[]): KubeObject => ({ metadata: { name: 'm' }, spec: { template: { spec: { containers: [{ command, args: ['--v=4'] }] } } } }) as KubeObject;
  const cases: Readonly<Record<string, readonly [KubeObject, string | undefined]>> = {
    'is the value of its flag': [manager('/bin/x', '--skipped-propagating-apis=a;assay.dev'), 'a;assay.dev'],
    'may be an argument of its own': [manager('/bin/x', '--skipped-propagating-apis', 'assay.dev'), 'assay.dev'],
    'is what was said last': [manager('--skipped-propagating-apis=a', '--skipped-propagating-apis=b'), 'b'],
    'is nothing without the flag': [manager('/bin/x', '--skipped-propagating-namespaces=assay.dev'), undefined],
    'is nothing in another object': [{ metadata: { name: 'm' } }, undefined],
  };
  for (const [name, [object, wanted]] of Object.entries(cases)) test(name, () => assert.equal(skippedOf(object).value, wanted));

  const values: Readonly<Record<string, boolean>> = {
    'assay.dev': true,
    'a.example;assay.dev;b.example': true,
    'assay.dev/v1alpha1': true,
    'assay.dev/v1alpha1/ImageVerification,ClusterImageVerification': true,
    'assay.dev/v1alpha1/ImageVerification': false,
    'assay.dev,a.example': false,
    ' assay.dev': false,
    'my-assay.dev': false,
    '': false,
  };
  for (const [value, wanted] of Object.entries(values)) test(`${JSON.stringify(value)} ${wanted ? 'covers' : 'does not cover'} our group`, () => assert.equal(skipsGroup(value), wanted));
});

test('a field is in a schema, or is not', () => {
  const schema = { properties: { spec: { properties: { suspension: { properties: { scheduling: {} } } } } }, 'x-kubernetes-group-version-kind': [{ kind: 'ResourceBinding' }] };
  const document = { components: { schemas: { other: { 'x-kubernetes-group-version-kind': [{ kind: 'Work' }] }, binding: schema } } };
  assert.equal(hasField(document, 'ResourceBinding', ['spec', 'suspension', 'scheduling']), true);
  assert.equal(hasField(document, 'ResourceBinding', ['spec', 'suspension', 'other']), false);
  assert.equal(hasField(document, 'Work', ['spec', 'suspension']), false);
  assert.equal(hasField({}, 'Work', ['spec']), false);
});

describe('of a policy is kept', () => {
  const object = (spec: unknown, rest: object = {}): KubeObject => ({ metadata: { name: 'p', namespace: 'web', generation: 3 }, spec, ...rest }) as KubeObject;
  const keyless = (...identities: object[]): object => ({ authorities: [{ name: 'a', keyless: { identities, insecureIgnoreSCT: true }, ctlog: { insecureIgnore: true } }, { name: 'b', static: { action: 'pass' } }, { name: 'c', static: { action: 'fail' } }] });

  test('what it was told not to check', () => {
    const { exceptions } = projectPolicy('ImageVerification', object(keyless()));
    assert.deepEqual(exceptions.map((text) => /\((.*)\)$/.exec(text)?.[1]), ['insecureIgnoreSCT', 'ctlog.insecureIgnore', 'static.action: pass']);
  });

  test('which regular expressions are weak', () => {
    const { weaknesses } = projectPolicy('ImageVerification', object(keyless({ issuer: 'x', subjectRegExp: '^a$' }, { issuer: 'x', subjectRegExp: '^a|b$' })));
    assert.deepEqual(weaknesses.map((text) => text.split(' ')[0]), ['spec.authorities[0].keyless.identities[1].subjectRegExp']);
    assert.match(weaknesses[0] ?? '', /alternation/);
  });

  test('nothing of expressions that do not compile: it is not Ready, which says more', () => {
    assert.deepEqual(projectPolicy('ImageVerification', object(keyless({ issuer: 'x', subjectRegExp: '(' }))).weaknesses, []);
  });

  test('the defaults where it says nothing', () => {
    const { enforcement, pinMode, pinForm, suspended, propagated, observedGeneration } = projectPolicy('ImageVerification', object({}));
    assert.deepEqual({ enforcement, pinMode, pinForm, suspended, propagated, observedGeneration }, { enforcement: 'Enforce', pinMode: 'Patch', pinForm: 'Digest', suspended: false, propagated: false, observedGeneration: undefined });
  });

  test('that Karmada propagates it', () => {
    const claimed = { metadata: { name: 'p', labels: { 'clusterpropagationpolicy.karmada.io/permanent-id': 'x' } } };
    assert.equal(projectPolicy('ClusterImageVerification', claimed).propagated, true);
    assert.equal(projectPolicy('ClusterImageVerification', claimed).id, 'ClusterImageVerification p');
  });

  for (const [name, spec] of Object.entries({ 'no spec': undefined, 'a text': 'x', 'lists of nonsense': { images: [1], authorities: ['x', null], pin: [] } })) {
    test(`something, of ${name}`, () => assert.equal(projectPolicy('ImageVerification', object(spec, { status: 1 })).generation, 3));
  }
});

describe('registries are asked', () => {
  test('once each, for an image that is reported where there is one', () => {
    const questions = questionsOf([
      policy({ globs: ['ghcr.io/acme/**', 'nginx', '**', 'a:b', 'ghcr.io/other/*'], image: 'ghcr.io/acme/web:1.4' }),
      policy({ globs: ['127.0.0.1:5000/x/**'] }),
    ]);
    assert.deepEqual(questions.map(({ repository: { host, path }, tag }) => `${host}/${path}:${tag}`), ['ghcr.io/acme/web:1.4', 'docker.io/assay/doctor:reachable', '127.0.0.1:5000/assay/doctor:reachable']);
  });

  test('64 of them at most', () => {
    assert.equal(questionsOf([policy({ globs: Array.from({ length: 100 }, (_, index) => `r${index}.example/**`) })]).length, 64);
  });
});

describe('of a template is kept', () => {
  const [deployments] = WORKLOAD_KINDS;
  const podSpec = { containers: [{ name: 'a', image: 'a:1' }], initContainers: [{ name: 'i', image: 'i:1' }], imagePullSecrets: [{ name: 'pull' }, {}] };
  const object = (metadata: object): KubeObject => ({ metadata: { name: 'x', namespace: 'web', ...metadata }, spec: { template: { spec: podSpec } } }) as KubeObject;
  const project = (metadata: object): ReturnType<typeof projectTemplate> => projectTemplate(deployments as (typeof WORKLOAD_KINDS)[number], object(metadata));

  test('its images, by holder, and its pull secrets', () => {
    assert.deepEqual(project({})?.images.map(({ holder, image, pointer }) => `${holder} ${image} ${pointer}`), ['containers a:1 /spec/template/spec/containers/0/image', 'initContainers i:1 /spec/template/spec/initContainers/0/image']);
    assert.deepEqual(project({})?.pullSecrets, ['pull']);
  });

  for (const [name, metadata] of Object.entries({
    'made by another object': { ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: 'u', controller: true }] },
    "in Karmada's own namespace": { namespace: 'karmada-system' },
    'in a namespace that is never propagated': { namespace: 'kube-system' },
  })) {
    test(`nothing, if it is ${name}`, () => assert.equal(project(metadata), undefined));
  }
});

describe('rights', () => {
  test('are written as kubectl writes them', () => {
    assert.equal(rightText({ group: 'assay.dev', resource: 'imageverifications/status', verb: 'patch' }), 'patch imageverifications.assay.dev/status');
    assert.equal(rightText({ group: '', resource: 'pods', verb: 'list' }), 'list pods');
  });

  test('are joined into rules', () => {
    const list = (resource: string, ...verbs: string[]): object[] => verbs.map((verb) => ({ group: 'apps', resource, verb }));
    assert.deepEqual(rulesOf([...list('a', 'list', 'watch'), ...list('b', 'list', 'watch'), ...list('c', 'list')] as never), [
      '- {apiGroups: [apps], resources: [a, b], verbs: [list, watch]}',
      '- {apiGroups: [apps], resources: [c], verbs: [list]}',
    ]);
  });

  test('are needed for each kind that is watched', () => {
    for (const { group, plural } of [...WORKLOAD_KINDS, ...KIND_ENTRIES]) assert.ok(NEEDED_RIGHTS.some((right) => right.group === group && right.resource === plural && right.verb === 'watch'), `${plural}.${group}`);
  });
});

describe('a look', () => {
  test('finds, or says in one sentence why not', async () => {
    const patience = { clock: new ManualClock(), timeout: 1000 };
    assert.deepEqual(await look('looking', patience, () => Promise.resolve(1)), { seen: true, value: 1 });
    assert.deepEqual(await look('looking', patience, () => Promise.reject(new Error('no\nline'))), { seen: false, why: 'no line' });
  });

  test('ends when its time is over, whatever it waits for', async () => {
    const clock = new ManualClock();
    let told = false;
    const late = look('reading policies', { clock, timeout: 1000 }, (signal) => new Promise(() => signal.addEventListener('abort', () => (told = true))));
    clock.advance(1000);
    assert.deepEqual(await late, { seen: false, why: 'reading policies did not finish within 1 s' });
    assert.equal(told, true);
  });
});

test('the table wraps sentences, keeps commands and rules whole, and counts at the end', () => {
  const text = tableOf([
    { check: 'rights', result: 'problem', what: 'word '.repeat(60).trim(), todo: `kubectl ${'x'.repeat(150)}\n- {apiGroups: [${'y'.repeat(150)}]}`, objects: ['a', 'b'], count: 9 },
    { check: 'clock', result: 'ok', what: 'fine' },
  ]);
  const lines = text.split('\n');
  assert.ok(lines.filter((line) => line.includes('word')).every((line) => line.length <= 120));
  assert.ok(lines.some((line) => line.includes(`kubectl ${'x'.repeat(150)}`)));
  assert.ok(lines.some((line) => line.includes('y'.repeat(150))));
  assert.ok(lines.some((line) => line.trim() === 'and 7 more'));
  assert.equal(lines.at(-2), '1 problem, 0 warnings, 0 not seen, 1 ok');
});

