/** A string field somewhere under a PodSpec: `containers[].image`. */
export type FieldPath = string;

/** Every field that holds an image to run or to mount; `imagesOf` must find each of them. */
export const IMAGE_FIELDS: readonly FieldPath[] = [
  'containers[].image',
  'ephemeralContainers[].image',
  'initContainers[].image',
  'volumes[].image.reference',
];

/** Fields with such a name that hold no container image, and why. */
export const OTHER_FIELDS: Readonly<Record<FieldPath, string>> = {
  'containers[].imagePullPolicy': 'when to pull',
  'ephemeralContainers[].imagePullPolicy': 'when to pull',
  'initContainers[].imagePullPolicy': 'when to pull',
  'imagePullSecrets[].name': 'name of a Secret',
  'volumes[].image.pullPolicy': 'when to pull',
  'volumes[].rbd.image': 'name of a block device image in Ceph',
  'ephemeralContainers[].targetContainerName': 'name of a container',
  'containers[].env[].valueFrom.resourceFieldRef.containerName': 'name of a container',
  'ephemeralContainers[].env[].valueFrom.resourceFieldRef.containerName': 'name of a container',
  'initContainers[].env[].valueFrom.resourceFieldRef.containerName': 'name of a container',
  'volumes[].downwardAPI.items[].resourceFieldRef.containerName': 'name of a container',
  'volumes[].projected.sources[].downwardAPI.items[].resourceFieldRef.containerName': 'name of a container',
};

/** Fields of PodSpec, Container and Volume that were looked at: a new one is a reason to look whether it brings an image. */
export const LOOKED_AT: Readonly<Record<'PodSpec' | 'Container' | 'EphemeralContainer' | 'Volume', readonly string[]>> = {
  PodSpec: [
    'activeDeadlineSeconds', 'affinity', 'automountServiceAccountToken', 'containers', 'dnsConfig', 'dnsPolicy',
    'enableServiceLinks', 'ephemeralContainers', 'hostAliases', 'hostIPC', 'hostNetwork', 'hostPID', 'hostUsers', 'hostname',
    'hostnameOverride', 'imagePullSecrets', 'initContainers', 'nodeName', 'nodeSelector', 'os', 'overhead', 'preemptionPolicy',
    'priority', 'priorityClassName', 'readinessGates', 'resourceClaims', 'resources', 'restartPolicy', 'runtimeClassName',
    'schedulerName', 'schedulingGates', 'schedulingGroup', 'securityContext', 'serviceAccount', 'serviceAccountName',
    'setHostnameAsFQDN', 'shareProcessNamespace', 'subdomain', 'terminationGracePeriodSeconds', 'tolerations',
    'topologySpreadConstraints', 'volumes', 'workloadRef',
  ],
  Container: [
    'args', 'command', 'env', 'envFrom', 'image', 'imagePullPolicy', 'lifecycle', 'livenessProbe', 'name', 'ports',
    'readinessProbe', 'resizePolicy', 'resources', 'restartPolicy', 'restartPolicyRules', 'securityContext', 'startupProbe',
    'stdin', 'stdinOnce', 'terminationMessagePath', 'terminationMessagePolicy', 'tty', 'volumeDevices', 'volumeMounts', 'workingDir',
  ],
  EphemeralContainer: ['targetContainerName'],
  Volume: [
    'awsElasticBlockStore', 'azureDisk', 'azureFile', 'cephfs', 'cinder', 'configMap', 'csi', 'downwardAPI', 'emptyDir',
    'ephemeral', 'fc', 'flexVolume', 'flocker', 'gcePersistentDisk', 'gitRepo', 'glusterfs', 'hostPath', 'image', 'iscsi', 'name',
    'nfs', 'persistentVolumeClaim', 'photonPersistentDisk', 'portworxVolume', 'projected', 'quobyte', 'rbd', 'scaleIO', 'secret',
    'storageos', 'vsphereVolume',
  ],
};

const SUSPICIOUS = /image|artifact|\boci\b|reference$|container[A-Z]?\w*name$/i;

/** The string fields whose name says that they may hold an image and that nobody has looked at. */
export function unjudgedFields(fields: readonly FieldPath[]): readonly FieldPath[] {
  return fields.filter((path) => SUSPICIOUS.test(path) && !IMAGE_FIELDS.includes(path) && OTHER_FIELDS[path] === undefined);
}

/** The first step of each field below `holder`, that nobody has looked at. */
export function unseenFields(kind: keyof typeof LOOKED_AT, fields: readonly string[]): readonly string[] {
  const known = kind === 'EphemeralContainer' ? [...LOOKED_AT.Container, ...LOOKED_AT.EphemeralContainer] : LOOKED_AT[kind];
  return fields.filter((field) => !known.includes(field));
}

/** A pod spec with an image at `path` (`containers[].image`) and nothing else. */
export function podSpecWith(path: FieldPath, image: string): Record<string, unknown> {
  const steps = path.split('.');
  const build = (index: number): unknown => {
    const step = steps[index];
    if (step === undefined) return image;
    const inner = build(index + 1);
    return step.endsWith('[]') ? { [step.slice(0, -2)]: [{ name: 'one', ...(inner as object) }] } : { [step]: inner };
  };
  return build(0) as Record<string, unknown>;
}
