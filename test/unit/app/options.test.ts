import assert from 'node:assert/strict';
import test from 'node:test';
import { readOptions, UsageError } from '../../../src/app/options.ts';
import type { Environment, Options } from '../../../src/app/options.ts';
import { variableOf } from '../../../src/app/run-flags.ts';
import type { RunFlag } from '../../../src/app/run-flags.ts';
import { DEFAULT_LIMITS } from '../../../src/verification/limits.ts';

function read(given: Record<string, string> = {}, env: Environment = {}, file?: string): Options {
  return readOptions(given, env, () => file);
}

const GOOD: Record<string, () => void> = {
  'with nothing given there is a default for everything': () => {
    assert.deepEqual(read(), {
      cluster: {},
      operatorNamespace: 'assay-system',
      excludedNamespaces: ['kube-system', 'kube-public', 'kube-node-lease', 'karmada-*', 'assay-system'],
      metricsBindAddress: { port: 8080 },
      healthProbeBindAddress: { port: 8081 },
      workers: 8,
      trust: { tuf: { mirror: 'https://tuf-repo-cdn.sigstore.dev', proxy: {} } },
      proxy: {},
      allowHttpRegistry: [],
      judgementMemory: 128 * 1024 ** 2,
      limits: DEFAULT_LIMITS,
      reconcileTimeout: 120_000,
      shutdownGracePeriod: 20_000,
      logLevel: 'info',
      logFormat: 'json',
      unknownVariables: [],
    });
  },
  'what was read cannot be changed': () => {
    assert.ok(Object.isFrozen(read()));
  },
  'registries are asked by the proxies of the environment': () => {
    assert.deepEqual(read({}, { HTTPS_PROXY: 'http://proxy:3128', NO_PROXY: '.corp.example', ALL_PROXY: 'socks5://no' }).proxy, { HTTPS_PROXY: 'http://proxy:3128', NO_PROXY: '.corp.example' });
  },
  'the command line wins over the environment': () => {
    assert.equal(read({ workers: '3' }, { ASSAY_WORKERS: '5' }).workers, 3);
    assert.equal(read({}, { ASSAY_WORKERS: '5' }).workers, 5);
  },
  'an empty variable is an unset one': () => {
    assert.equal(read({}, { ASSAY_WORKERS: '', ASSAY_KUBECONFIG: '' }).workers, 8);
  },
  '0 turns an endpoint off': () => {
    const options = read({ metricsBindAddress: '0', healthProbeBindAddress: '127.0.0.1:0' });
    assert.equal('metricsBindAddress' in options, false);
    assert.deepEqual(options.healthProbeBindAddress, { host: '127.0.0.1', port: 0 });
  },
  'an IPv6 address is written in brackets': () => {
    assert.deepEqual(read({ metricsBindAddress: '[::1]:9090' }).metricsBindAddress, { host: '::1', port: 9090 });
  },
  'durations are read as Go writes them': () => {
    assert.equal(read({ reconcileTimeout: '1m30s' }).reconcileTimeout, 90_000);
    assert.equal(read({ reconcileTimeout: '1500ms' }).reconcileTimeout, 1500);
    assert.equal(read({ shutdownGracePeriod: '0s' }).shutdownGracePeriod, 0);
  },
  'sizes are read as Kubernetes writes them': () => {
    for (const [text, bytes] of [['65536', 65_536], ['64Ki', 65_536], ['2Mi', 2_097_152]] as const) assert.equal(read({ maxBundleSize: text }).limits.payload, bytes);
    assert.equal(read({ judgementMemory: '1Gi' }).judgementMemory, 1024 ** 3);
  },
  'what the largest signature or attestation needs of the whole grows with it': () => {
    assert.equal(read({ maxBundleSize: '20Mi' }).limits.digestBytes, 40 * 1024 ** 2);
    assert.equal(read({ maxAttestationSize: '64Mi' }).limits.attestationBytes, 128 * 1024 ** 2);
    assert.equal(read({ maxBundleSize: '64Ki' }).limits.digestBytes, DEFAULT_LIMITS.digestBytes);
  },
  'registries over plain HTTP are compared in lower case': () => {
    assert.deepEqual(read({ allowHttpRegistry: 'Registry.Local:5000, 127.0.0.1:5001,[::1]:5000' }).allowHttpRegistry, [
      'registry.local:5000',
      '127.0.0.1:5001',
      '[::1]:5000',
    ]);
  },
  'namespaces that are named replace the default ones': () => {
    assert.deepEqual(read({ excludedNamespaces: 'infra,team-*' }).excludedNamespaces, ['infra', 'team-*']);
  },
  'an empty list of namespaces excludes none': () => {
    assert.deepEqual(read({ excludedNamespaces: '' }).excludedNamespaces, []);
  },
  'the operator finds its namespace: option, POD_NAMESPACE, service account, default': () => {
    assert.equal(read({ operatorNamespace: 'a' }, { POD_NAMESPACE: 'b' }, 'c').operatorNamespace, 'a');
    assert.equal(read({}, { POD_NAMESPACE: 'b' }, 'c').operatorNamespace, 'b');
    assert.equal(read({}, {}, 'c').operatorNamespace, 'c');
    assert.ok(read({}, {}, 'c').excludedNamespaces.includes('c'));
  },
  'the cluster is that of --kubeconfig, else $KUBECONFIG, else the pod’s': () => {
    const pod = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
    assert.deepEqual(read({ kubeconfig: 'a', context: 'x' }, { KUBECONFIG: 'b' }).cluster, { kubeconfig: 'a', context: 'x' });
    assert.deepEqual(read({}, { KUBECONFIG: 'b' }).cluster, { kubeconfig: 'b' });
    assert.deepEqual(read({}, pod).cluster, { inCluster: { host: '10.0.0.1', port: '443' } });
  },
  'a misspelt variable is told, what the kubelet sets for a Service is not': () => {
    const env = {
      ASSAY_LOGLEVEL: 'debug',
      ASSAY_SERVICE_HOST: '10.0.0.9',
      ASSAY_METRICS_SERVICE_PORT_HTTP: '8080',
      ASSAY_PORT: 'tcp://10.0.0.9:8080',
      ASSAY_PORT_8080_TCP_ADDR: '10.0.0.9',
      ASSAY_WORKERS: '2',
      PATH: '/bin',
    };
    assert.deepEqual(read({}, env).unknownVariables, ['ASSAY_LOGLEVEL']);
  },
};

for (const [sentence, run] of Object.entries(GOOD)) test(sentence, run);

/** A bad value and what is said of it, without the option's name. */
const BAD: readonly (readonly [string, string, RegExp])[] = [
  ['workers', '0', /"0" is not a whole number from 1 to 256$/],
  ['workers', '257', /whole number from 1 to 256/],
  ['workers', '1.5', /whole number/],
  ['workers', '1e2', /whole number/],
  ['workers', '-1', /whole number/],
  ['metricsBindAddress', '8080', /"8080" is not an address to listen on: give host:port, :port, or 0/],
  ['metricsBindAddress', ':65536', /not an address/],
  ['metricsBindAddress', 'http://x:1', /not an address/],
  ['healthProbeBindAddress', 'x', /not an address/],
  ['reconcileTimeout', '30', /"30" is not a duration like 30s, 2m or 1m30s/],
  ['reconcileTimeout', '30 s', /not a duration/],
  ['reconcileTimeout', '-5s', /not a duration/],
  ['reconcileTimeout', '500ms', /out of bounds: it must be from 1s to 1h/],
  ['reconcileTimeout', '2h', /out of bounds/],
  ['shutdownGracePeriod', '11m', /out of bounds/],
  ['judgementWorkers', '0', /whole number from 1 to 64/],
  ['judgementMemory', '63Mi', /63Mi is out of bounds: it must be from 64Mi to 8Gi/],
  ['judgementTimeout', '2m', /out of bounds: it must be from 100ms to 1m/],
  ['maxBundleSize', '1M', /"1M" is not a size like 512Ki, 16Mi or 1Gi/],
  ['maxBundleSize', '1', /1 is out of bounds: it must be from 64Ki to 64Mi/],
  ['maxAttestationSize', '-1Mi', /not a size/],
  ['maxSignatures', '1001', /whole number from 1 to 1000/],
  ['lookupTimeout', '500ms', /out of bounds/],
  ['logLevel', 'verbose', /"verbose" is not one of error, warn, info, debug/],
  ['logFormat', 'xml', /"xml" is not one of json, text/],
  ['namespace', 'Web', /"Web" is not the name of a namespace/],
  ['operatorNamespace', 'a_b', /not the name of a namespace/],
  ['excludedNamespaces', 'a,*', /"\*" is not the name of a namespace, or the beginning of one and \*/],
  ['excludedNamespaces', 'a,,b', /"" is not/],
  ['allowHttpRegistry', 'http://registry:5000', /"http:\/\/registry:5000" is not a host or host:port/],
  ['allowHttpRegistry', 'registry/path', /not a host/],
  ['kubeconfig', ' ', /must not be empty/],
  ['trustedRoot', '', /must not be empty/],
];

for (const [name, value, message] of BAD) {
  test(`${name} ${JSON.stringify(value)} is refused, with the option's name as it was written`, () => {
    const option = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}: `;
    const says = (prefix: string) => (error: unknown) =>
      error instanceof UsageError && error.message.startsWith(prefix) && message.test(error.message);
    assert.throws(() => read({ [name]: value }), says(option));
    if (value !== '') assert.throws(() => read({}, { [variableOf(name)]: value }), says(`${variableOf(name)}: `));
  });
}

test('a context without a kubeconfig is refused', () => {
  assert.throws(() => read({ context: 'x' }), /--context: it needs a kubeconfig/);
});

test('every option is acted on: each one changes what is read', () => {
  const other: Record<RunFlag, string> = {
    kubeconfig: '/k',
    context: 'c',
    namespace: 'web',
    operatorNamespace: 'ops',
    excludedNamespaces: 'x',
    metricsBindAddress: ':1',
    healthProbeBindAddress: ':2',
    workers: '3',
    workloadKinds: '/w',
    trustedRoot: '/t',
    tufMirror: '0',
    tufRoot: '/r',
    tufCache: '/c',
    maxTrustAge: '48h',
    dockerConfig: '/d',
    allowHttpRegistry: 'r',
    judgementWorkers: '3',
    judgementMemory: '1Gi',
    judgementTimeout: '3s',
    lookupTimeout: '3s',
    maxSignatures: '3',
    maxBundleSize: '3Mi',
    maxAttestationSize: '3Mi',
    reconcileTimeout: '3s',
    shutdownGracePeriod: '3s',
    logLevel: 'warn',
    logFormat: 'text',
  };
  const base = { kubeconfig: '/base' };
  const beside: Partial<Record<string, Record<string, string>>> = { tufRoot: { tufMirror: 'https://tuf.test' } };
  for (const [name, value] of Object.entries(other)) {
    const given = { ...base, ...beside[name] };
    assert.notDeepEqual(read({ ...given, [name]: value }), read(given), name);
  }
});
