import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { Authority } from '../../hack/controlplane/certificates.ts';
import { temporaryDirectory } from '../../hack/controlplane/estate.ts';
import { type ControlPlane, startControlPlane } from '../../hack/controlplane/start.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { DoctorOptions } from '../../src/cli/doctor.ts';
import { runDoctor } from '../../src/cli/doctor/run.ts';
import type { Finding } from '../../src/cli/doctor/types.ts';
import { worldOf } from '../../src/verify.ts';
import { type Cluster, clusterAt } from '../support/cluster.ts';
import { applyCrds } from '../support/crds.ts';
import { type Any, apply, deployment, get, keyedPolicy, run } from '../support/installation.ts';
import { CLI, eventually, startOperator } from '../support/operator.ts';
import { applyRbac, operatorKubeconfig, rendered } from '../support/rbac.ts';
import { startRegistry } from '../support/registry.ts';
import { runToEnd } from '../support/run-to-end.ts';
import { createWorld } from '../support/sigstore/world.ts';

// A control plane of its own: at first nothing is installed on it.
let plane: ControlPlane;
let cluster: Cluster;
let folder: string;
const world = createWorld();

before(async () => {
  plane = await startControlPlane();
  cluster = clusterAt(plane.connection);
  folder = temporaryDirectory('doctor');
});
after(() => plane?.stop());

interface Told {
  readonly code: number;
  readonly findings: readonly Finding[];
  readonly text: string;
}

/** `assay doctor -o json`, as a process of its own. */
async function doctor(kubeconfig: string, ...args: readonly string[]): Promise<Told> {
  const { code, stdout, stderr } = await runToEnd([CLI, 'doctor', `--kubeconfig=${kubeconfig}`, '-o', 'json', ...args], { TUF_MIRROR: '0', HOME: folder });
  assert.equal(stderr, '');
  return { code, findings: (JSON.parse(stdout) as { findings: Finding[] }).findings, text: stdout };
}

/** What is not ok, a line each. */
const complaints = ({ findings }: Told): string[] => findings.filter(({ result }) => result !== 'ok').map(({ check, result, what }) => `${result} ${check}: ${what}`);
const about = (told: Told, check: string): Finding[] => told.findings.filter((finding) => finding.check === check);

let written = 0;

/** The admin's kubeconfig with something changed. */
function changed(change: (parts: { cluster: Any; user: Any }) => void): string {
  const config = parse(readFileSync(cluster.adminKubeconfig, 'utf8'));
  change({ cluster: config.clusters[0].cluster, user: config.users[0].user });
  const path = join(folder, `${(written += 1)}.kubeconfig`);
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
  return path;
}

const replace = (user: Any, by: object): void => {
  for (const field of Object.keys(user)) delete user[field];
  Object.assign(user, by);
};
const token = (claims: object): string => ['{"alg":"RS256"}', JSON.stringify(claims), 'signature'].map((part) => Buffer.from(part).toString('base64url')).join('.');

describe('assay doctor, where the API server does not let it in', () => {
  const cases: Readonly<Record<string, { readonly kubeconfig: () => string | Promise<string>; readonly said: RegExp; readonly todo: RegExp }>> = {
    'names a server that is not there': {
      kubeconfig: () => changed(({ cluster: at }) => (at.server = 'https://127.0.0.1:1')),
      said: /^problem server: it cannot be reached: .*nothing listens there.*ECONNREFUSED/,
      todo: /https:\/\/127\.0\.0\.1:1/,
    },
    'names a name that does not resolve': {
      kubeconfig: () => changed(({ cluster: at }) => (at.server = 'https://nobody.invalid:6443')),
      said: /^problem server: it cannot be reached: .*does not resolve/,
      todo: /server address/,
    },
    'names an authority that is another': {
      kubeconfig: async () => {
        const { pem } = await Authority.create('other');
        return changed(({ cluster: at }) => (at['certificate-authority-data'] = Buffer.from(pem.certificate).toString('base64')));
      },
      said: /^problem server: it is not trusted: .*not signed by the configured certificate authority/,
      todo: /certificate-authority-data/,
    },
    'names a token that the server does not take': {
      kubeconfig: () => changed(({ user }) => replace(user, { token: 'SECRET-TOKEN' })),
      said: /^problem server: it does not accept the credentials: .*Unauthorized/,
      todo: /renew/,
    },
    'names a token that has expired, and since when': {
      kubeconfig: () => changed(({ user }) => replace(user, { token: token({ exp: 1_700_000_000 }) })),
      said: /^problem credentials: the token has expired .* on 2023-11-14 22:13 UTC/,
      todo: /renew/,
    },
    'names a plugin that is not installed': {
      kubeconfig: () => changed(({ user }) => replace(user, { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'no-such-plugin', interactiveMode: 'Never' } })),
      said: /^problem server: it does not accept the credentials: .*no-such-plugin.*not installed/,
      todo: /renew/,
    },
  };
  for (const [name, { kubeconfig, said, todo }] of Object.entries(cases)) {
    test(name, async () => {
      const told = await doctor(await kubeconfig());
      assert.equal(told.code, 1);
      const found = told.findings.find(({ check, result, what }) => said.test(`${result} ${check}: ${what}`));
      assert.ok(found, complaints(told).join('\n'));
      assert.match(found.todo ?? '', todo);
      assert.ok(!told.text.includes('SECRET-TOKEN'));
    });
  }

  test('does not wait for ever for a server that says nothing', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as { port: number };
    try {
      const started = Date.now();
      const told = await doctor(changed(({ cluster: at }) => (at.server = `https://127.0.0.1:${port}`)), '--timeout=1');
      assert.match(complaints(told).join(), /problem server: it cannot be reached: asking for its version did not finish within 1 s/);
      assert.ok(Date.now() - started < 4000);
    } finally {
      silent.close();
    }
  });

  test('says where a kubeconfig is missing, or has no such context', async () => {
    assert.match(complaints(await doctor(join(folder, 'none'))).join(), /^problem configuration: .*cannot be read/);
    assert.match(complaints(await doctor(cluster.adminKubeconfig, '--context=prod')).join(), /^problem configuration: .*no context "prod".*it defines assay/);
  });
});

describe('assay doctor on a plain cluster', () => {
  test('with nothing installed, says what to install and how', async () => {
    const told = await doctor(cluster.adminKubeconfig);
    assert.equal(told.code, 1);
    assert.deepEqual(told.findings.filter(({ result }) => result === 'problem').map(({ check, todo }) => `${check}: ${todo?.split(': ').at(-1)}`), [
      'definitions: kubectl apply --server-side -k config/crd',
      'definitions: kubectl apply --server-side -k config/crd',
      'rights: kubectl apply -k config/rbac',
    ]);
  });

  test('with everything installed and an operator that acts, has no problem', async () => {
    await applyCrds(cluster);
    await run(cluster, ['create', 'namespace', 'assay-system']);
    await applyRbac(cluster, await rendered(cluster, 'config/rbac'));
    const registry = await startRegistry();
    const namespace = await cluster.namespace('doctor');
    await apply(cluster, keyedPolicy(namespace, 'release', `${registry.host}/acme/**`, world.key().key.pem), deployment(namespace, 'web', [`${registry.host}/acme/web:1`]));
    const operator = await startOperator({ kubeconfig: await operatorKubeconfig(cluster), registries: [registry.host] });
    try {
      await eventually('the status', async () => (await get(cluster, namespace, 'iv', 'release')).status?.observedGeneration === 1);
      const told = await doctor(cluster.adminKubeconfig, '--registries', `--allow-http-registry=${registry.host}`);
      assert.deepEqual(complaints(told), ['warning operator: there is no Deployment of the operator in assay-system']);
      assert.equal(told.code, 0);
      assert.match(about(told, 'registries')[0]?.what ?? '', new RegExp(`^${registry.host} answers`));
      assert.match(about(told, 'definitions')[0]?.what ?? '', /2 definitions installed, of this version/);
    } finally {
      await operator.stop();
      await registry.stop();
    }
    const away = await doctor(cluster.adminKubeconfig, '--registries', `--allow-http-registry=${registry.host}`);
    assert.match(complaints(away).join('\n'), new RegExp(`problem registries: ${registry.host} cannot be asked`));
    assert.equal(away.code, 1);
  });

  test('names a right that was taken away, with the rule to add', async () => {
    await run(cluster, ['patch', 'clusterrole', 'assay', '--type=json', '-p', JSON.stringify([{ op: 'replace', path: '/rules/3/verbs', value: ['list', 'watch'] }])]);
    await eventually('the missing right', async () => {
      const [finding] = about(await doctor(cluster.adminKubeconfig), 'rights');
      assert.equal(finding?.result, 'problem');
      assert.match(finding?.what ?? '', /system:serviceaccount:assay-system:assay may not patch deployments\.apps/);
      assert.match(finding?.todo ?? '', /- \{apiGroups: \[apps\], resources: \[deployments, statefulsets, daemonsets, replicasets\], verbs: \[patch\]\}/);
      return true;
    });
    await applyRbac(cluster, await rendered(cluster, 'config/rbac'));
  });

  test('names an account that may do everything', async () => {
    await run(cluster, ['create', 'clusterrolebinding', 'careless', '--clusterrole=cluster-admin', '--serviceaccount=assay-system:assay']);
    await eventually('the excess', async () => about(await doctor(cluster.adminKubeconfig), 'rights').some(({ result, what }) => result === 'warning' && /may do everything/.test(what)));
    await run(cluster, ['delete', 'clusterrolebinding', 'careless']);
  });

  test('as somebody without rights, says what could not be seen and asks of their own rights', async () => {
    const told = await doctor(await cluster.userKubeconfig('stranger'));
    assert.match(about(told, 'rights')[0]?.what ?? '', /^stranger may do nothing of what the operator needs \(asked for ourselves/);
    assert.deepEqual(told.findings.filter(({ result }) => result === 'unseen').map(({ check }) => check), ['definitions', 'definitions', 'operator', 'policies', 'registries']);
    assert.ok(about(told, 'policies')[0]?.what.includes('forbidden'));
  });

  test('with the operator\'s own credentials, asks for what they may do', async () => {
    const minted = (await run(cluster, ['create', 'token', 'assay', '-n', 'assay-system'])).trim();
    await eventually('the rights', async () => {
      const told = await doctor(changed(({ user }) => replace(user, { token: minted })));
      assert.match(about(told, 'credentials')[0]?.what ?? '', /we are system:serviceaccount:assay-system:assay|token is good for another/);
      assert.deepEqual(about(told, 'rights').map(({ result, what }) => `${result} ${what}`), [`ok system:serviceaccount:assay-system:assay may do all 38 things that the operator needs`]);
      assert.ok(!told.text.includes(minted));
      return true;
    });
  });

  test('tells definitions of another version apart, by what they lack', async () => {
    const older = await get(cluster, 'default', 'crd', 'imageverifications.assay.dev');
    delete older.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.suspend;
    delete older.metadata.managedFields;
    await run(cluster, ['replace', '-f', '-'], JSON.stringify(older));
    const told = await doctor(cluster.adminKubeconfig);
    assert.match(about(told, 'definitions').map(({ result, what }) => `${result} ${what}`).join(), /^problem imageverifications\.assay\.dev is older than this version: it lacks spec\.suspend$/);
    await applyCrds(cluster);
  });

  test('names a policy that was told not to check, and one whose identities anybody can have', async () => {
    const namespace = await cluster.namespace('lenient');
    const keyless = { insecureIgnoreSCT: true, identities: [{ issuer: 'https://issuer.example', subjectRegExp: 'acme|other' }] };
    await apply(cluster, { ...keyedPolicy(namespace, 'lenient', 'ghcr.io/acme/**', ''), spec: { images: [{ glob: 'ghcr.io/acme/**' }], authorities: [{ name: 'ci', keyless }] } });
    const told = await doctor(cluster.adminKubeconfig);
    assert.match(about(told, 'patterns')[0]?.what ?? '', /lenient\/|lenient: .*does not start with \^.*alternation/s);
    assert.match(about(told, 'exceptions')[0]?.what ?? '', /insecureIgnoreSCT/);
    // Nobody runs the operator any more.
    assert.ok(about(told, 'policies').some(({ result, objects }) => result === 'problem' && objects?.includes(`ImageVerification ${namespace}/lenient`)));
  });
});

describe('assay doctor', () => {
  test('sees that the clock is wrong', async () => {
    let text = '';
    const options: DoctorOptions = { kubeconfig: cluster.adminKubeconfig, operatorNamespace: 'assay-system', karmadaNamespace: 'karmada-system', allowHttpRegistry: [], timeout: 10_000, output: 'json' };
    const clock = { ...systemClock, now: () => systemClock.now() + 3_600_000 };
    await runDoctor(options, { ...worldOf({ TUF_MIRROR: '0' }, () => undefined), clock, stdout: (more) => (text += more) });
    const found = (JSON.parse(text) as { findings: Finding[] }).findings.find(({ check }) => check === 'clock');
    assert.match(`${found?.result} ${found?.what}`, /^problem the clock of the API server is (?:1h|59m 5\ds) behind this machine's$/);
  });

  test('says the same as a table, as JSON and as YAML', async () => {
    const told = async (format: string): Promise<string> => (await runToEnd([CLI, 'doctor', `--kubeconfig=${cluster.adminKubeconfig}`, '-o', format], { TUF_MIRROR: '0', HOME: folder })).stdout;
    const [table, json, yaml] = await Promise.all(['table', 'json', 'yaml'].map(told));
    const withoutTime = (text = ''): string => text.replaceAll(/answers in \d+ ms/g, 'answers');
    assert.deepEqual(parse(withoutTime(yaml)), JSON.parse(withoutTime(json)));
    const { findings, summary } = JSON.parse(json ?? '') as { findings: Finding[]; summary: Record<string, number> };
    assert.equal(findings.length, Object.values(summary).reduce((sum, count) => sum + count, 0));
    assert.equal((table ?? '').split('\n').filter((line) => /^(?:problem|warning|unseen|ok) +[a-z-]+ {2}/.test(line)).length, findings.length);
    assert.match(table ?? '', new RegExp(`\n${summary['problem']} problems?, ${summary['warning']} warnings?, ${summary['unseen']} not seen, ${summary['ok']} ok\n$`));
  });

  const wrong: Readonly<Record<string, readonly [readonly string[], RegExp]>> = {
    'a format that it does not have': [['-o', 'xml'], /table, json, yaml/],
    'a time that is none': [['--timeout=forever'], /seconds from 1 to 300/],
    'a time without bound': [['--timeout=301'], /seconds from 1 to 300/],
    'a namespace that can be none': [['--operator-namespace=No_Such'], /not the name of a namespace/],
    'a list of hosts that is none': [['--allow-http-registry=http://x'], /host:port/],
    'a context of a host cluster that is not named': [['--host-context=x'], /needs --host-kubeconfig/],
    'an option that it does not have': [['--fix'], /unknown option '--fix'/],
    'an argument': [['now'], /too many arguments|expected 0/i],
  };
  for (const [name, [args, sentence]] of Object.entries(wrong)) {
    test(`refuses ${name} in one sentence, with 2`, async () => {
      const { code, stdout, stderr } = await runToEnd([CLI, 'doctor', ...args]);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, sentence);
      assert.match(stderr, /^assay: [^\n]+\n$/);
    });
  }
});
