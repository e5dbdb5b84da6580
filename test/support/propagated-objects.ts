import { randomUUID } from 'node:crypto';
import { bindingName, executionSpaceName, workName } from '../../src/karmada/names.ts';
import type { Any } from './installation.ts';

/** How large a fleet is, and what it runs. */
export interface FleetShape {
  readonly templates: number;
  /** PropagationPolicies; each propagates the same number of templates, all of one namespace. */
  readonly policies: number;
  /** Names of member clusters; each gets a Work of each template. */
  readonly clusters: readonly string[];
  /** What the first container of a template runs, in turns; by digest. */
  readonly apps: readonly string[];
  /** What the second one runs. */
  readonly sidecars: readonly string[];
  /** The registry in `apps`, and the one by which an OverridePolicy replaces it for every twentieth template in the last cluster. */
  readonly registry: string;
  readonly mirror: string;
}

const NAMESPACES = 20;
const OVERRIDDEN = 20;

/** One template with the ids by which Karmada's objects point at each other. */
export interface Template {
  readonly index: number;
  readonly namespace: string;
  readonly name: string;
  readonly policy: string;
  readonly policyId: string;
  readonly bindingId: string;
  readonly overridden: boolean;
  readonly images: readonly [app: string, sidecar: string];
}

/** The templates of a fleet; plain data, the same for the same shape but for the ids. */
export function templatesOf({ templates, policies, apps, sidecars }: FleetShape): readonly Template[] {
  const policyIds = Array.from({ length: policies }, () => randomUUID());
  return Array.from({ length: templates }, (_, index): Template => {
    const policy = index % policies;
    return {
      index,
      namespace: `fleet-${policy % NAMESPACES}`,
      name: `app-${index}`,
      policy: `policy-${policy}`,
      policyId: policyIds[policy] ?? '',
      bindingId: randomUUID(),
      overridden: index % OVERRIDDEN === 0,
      images: [apps[index % apps.length] ?? '', sidecars[index % sidecars.length] ?? ''],
    };
  });
}

/** A Deployment as a team writes it, claimed by its policy. */
export function templateObject({ name, namespace, policy, policyId, images }: Template): Any {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name,
      namespace,
      labels: { ...labelsOf(name), 'propagationpolicy.karmada.io/permanent-id': policyId },
      annotations: { 'propagationpolicy.karmada.io/name': policy, 'propagationpolicy.karmada.io/namespace': namespace },
    },
    spec: { replicas: 2, selector: { matchLabels: { app: name } }, template: { metadata: { labels: labelsOf(name) }, spec: podSpec(images) } },
  };
}

function labelsOf(name: string): Record<string, string> {
  return { app: name, 'app.kubernetes.io/name': name, 'app.kubernetes.io/part-of': 'fleet', 'app.kubernetes.io/managed-by': 'team', tier: 'backend' };
}

function podSpec([app, sidecar]: readonly [string, string]): Any {
  const env = Array.from({ length: 12 }, (_, index) => ({ name: `SETTING_${index}`, valueFrom: { configMapKeyRef: { name: 'settings', key: `setting-${index}` } } }));
  const resources = { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '1', memory: '512Mi' } };
  const probe = (path: string): Any => ({ httpGet: { path, port: 8080, scheme: 'HTTP' }, initialDelaySeconds: 5, periodSeconds: 10, timeoutSeconds: 1, successThreshold: 1, failureThreshold: 3 });
  const common = { imagePullPolicy: 'IfNotPresent', terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File', resources };
  const security = { runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
  return {
    containers: [
      { name: 'app', image: app, ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }], env, livenessProbe: probe('/live'), readinessProbe: probe('/ready'), securityContext: security, ...common },
      { name: 'log', image: sidecar, args: ['--config=/etc/log/config.yaml', '--level=info'], volumeMounts: [{ name: 'config', mountPath: '/etc/log', readOnly: true }], securityContext: security, ...common },
    ],
    volumes: [{ name: 'config', configMap: { name: 'log', defaultMode: 420 } }],
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    schedulerName: 'default-scheduler',
    securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
  };
}

/** The ResourceBinding that Karmada makes of a template (pkg/detector, BuildResourceBinding). */
export function bindingObject({ name, namespace, policy, policyId, bindingId }: Template, { uid, resourceVersion }: { readonly uid: string; readonly resourceVersion: string }, clusters: readonly string[]): Any {
  return {
    apiVersion: 'work.karmada.io/v1alpha2',
    kind: 'ResourceBinding',
    metadata: {
      name: bindingName('Deployment', name),
      namespace,
      labels: { 'propagationpolicy.karmada.io/permanent-id': policyId, 'resourcebinding.karmada.io/permanent-id': bindingId },
      annotations: { 'propagationpolicy.karmada.io/name': policy, 'propagationpolicy.karmada.io/namespace': namespace },
      finalizers: ['karmada.io/binding-controller'],
    },
    spec: {
      resource: { apiVersion: 'apps/v1', kind: 'Deployment', name, namespace, uid, resourceVersion },
      replicas: 2,
      clusters: clusters.map((cluster) => ({ name: cluster, replicas: 2 })),
      conflictResolution: 'Abort',
      schedulerName: 'default-scheduler',
      placement: { clusterAffinity: { clusterNames: clusters } },
    },
  };
}

/** The Work that tells one cluster to run a template (pkg/controllers/ctrlutil, CreateOrUpdateWork), overrides applied. */
export function workObject(template: Template, { uid, generation }: { readonly uid: string; readonly generation: number }, cluster: string, shape: Pick<FleetShape, 'registry' | 'mirror' | 'clusters'>): Any {
  const { name, namespace, bindingId, overridden, images: [app, sidecar] } = template;
  const mirrored = overridden && cluster === shape.clusters.at(-1);
  const own = workName('Deployment', name, namespace);
  const { metadata, spec, ...manifest } = templateObject({ ...template, images: [mirrored ? app.replace(shape.registry, shape.mirror) : app, sidecar] });
  const workId = randomUUID();
  const binding = { 'resourcebinding.karmada.io/name': bindingName('Deployment', name), 'resourcebinding.karmada.io/namespace': namespace };
  return {
    apiVersion: 'work.karmada.io/v1alpha1',
    kind: 'Work',
    metadata: {
      name: own,
      namespace: executionSpaceName(cluster),
      labels: { 'resourcebinding.karmada.io/permanent-id': bindingId, 'work.karmada.io/permanent-id': workId },
      annotations: { ...binding, 'work.karmada.io/conflict-resolution': 'abort' },
      finalizers: ['karmada.io/execution-controller'],
    },
    spec: {
      suspendDispatching: false,
      workload: {
        manifests: [
          {
            ...manifest,
            metadata: {
              name,
              namespace,
              labels: { ...metadata.labels, 'karmada.io/managed': 'true', 'resourcebinding.karmada.io/permanent-id': bindingId, 'work.karmada.io/permanent-id': workId },
              annotations: {
                ...metadata.annotations,
                ...binding,
                'resourcetemplate.karmada.io/generation': String(generation),
                'resourcetemplate.karmada.io/managed-annotations': [...Object.keys(metadata.annotations), ...Object.keys(binding), 'work.karmada.io/name', 'work.karmada.io/namespace'].join(','),
                'resourcetemplate.karmada.io/managed-labels': [...Object.keys(metadata.labels), 'karmada.io/managed', 'work.karmada.io/permanent-id'].join(','),
                'resourcetemplate.karmada.io/uid': uid,
                'work.karmada.io/conflict-resolution': 'abort',
                'work.karmada.io/name': own,
                'work.karmada.io/namespace': executionSpaceName(cluster),
              },
            },
            spec,
          },
        ],
      },
    },
  };
}

/** A PropagationPolicy with the id that Karmada's webhook gives it. */
export function propagationPolicyObject(name: string, templates: readonly Template[], clusterNames: readonly string[]): Any {
  const [first] = templates;
  return {
    apiVersion: 'policy.karmada.io/v1alpha1',
    kind: 'PropagationPolicy',
    metadata: { namespace: first?.namespace, name, labels: { 'propagationpolicy.karmada.io/permanent-id': first?.policyId } },
    spec: {
      resourceSelectors: templates.map((one) => ({ apiVersion: 'apps/v1', kind: 'Deployment', name: one.name })),
      placement: { clusterAffinity: { clusterNames } },
      conflictResolution: 'Abort',
      priority: 0,
    },
  };
}

/** What makes a mirror of the registry in the last cluster, for the overridden ones among these. */
export function overridePolicyObject(namespace: string, templates: readonly Template[], { clusters, mirror }: FleetShape): Any {
  return {
    apiVersion: 'policy.karmada.io/v1alpha1',
    kind: 'OverridePolicy',
    metadata: { namespace, name: 'mirror' },
    spec: {
      resourceSelectors: templates.map(({ name }) => ({ apiVersion: 'apps/v1', kind: 'Deployment', name })),
      overrideRules: [
        {
          targetCluster: { clusterNames: clusters.slice(-1) },
          overriders: { imageOverrider: [{ predicate: { path: '/spec/template/spec/containers/0/image' }, component: 'Registry', operator: 'replace', value: mirror }] },
        },
      ],
    },
  };
}

/** A member cluster that nobody has joined. */
export function clusterObject(name: string): Any {
  return { apiVersion: 'cluster.karmada.io/v1alpha1', kind: 'Cluster', metadata: { name, labels: { region: 'somewhere' } }, spec: { syncMode: 'Pull', id: `id-${name}` } };
}

/** A Work as the API server keeps it in etcd once Karmada has told the cluster and heard of it: with ids, who wrote what, and a status. */
export function storedWork({ metadata, ...work }: Any): Any {
  const [{ metadata: manifest }] = work.spec.workload.manifests;
  const time = '2026-01-01T00:00:00Z';
  const update = { manager: 'karmada-controller-manager', operation: 'Update', apiVersion: work.apiVersion, time, fieldsType: 'FieldsV1' };
  const fields = (object: object): Record<string, object> => Object.fromEntries(['.', ...Object.keys(object).map((name) => `f:${name}`)].map((name) => [name, {}]));
  const written = {
    'f:metadata': { 'f:annotations': fields(metadata.annotations), 'f:finalizers': { '.': {}, 'v:"karmada.io/execution-controller"': {} }, 'f:labels': fields(metadata.labels) },
    'f:spec': { '.': {}, 'f:suspendDispatching': {}, 'f:workload': { '.': {}, 'f:manifests': {} } },
  };
  const condition = (type: string, reason: string, message: string): Any => ({ lastTransitionTime: time, message, reason, status: 'True', type });
  return {
    ...work,
    metadata: {
      ...metadata,
      creationTimestamp: time,
      generation: 1,
      managedFields: [
        { ...update, fieldsV1: written },
        { ...update, fieldsV1: { 'f:status': { '.': {}, 'f:conditions': {}, 'f:manifestStatuses': {} } }, subresource: 'status' },
      ],
      uid: randomUUID(),
    },
    status: {
      conditions: [condition('Dispatching', 'Dispatching', 'Work is being dispatched to member clusters.'), condition('Applied', 'AppliedSuccessful', 'Manifest has been successfully applied')],
      manifestStatuses: [
        {
          health: 'Healthy',
          identifier: { group: 'apps', kind: 'Deployment', name: manifest.name, namespace: manifest.namespace, ordinal: 0, resource: '', version: 'v1' },
          status: { availableReplicas: 2, generation: 1, observedGeneration: 1, readyReplicas: 2, replicas: 2, resourceTemplateGeneration: 1, updatedReplicas: 2 },
        },
      ],
    },
  };
}
