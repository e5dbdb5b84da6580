import type { Condition } from '../../api/conditions.ts';
import { POLICY_RESOURCES } from '../../controllers/policy-object.ts';
import { fieldOf, listOf, recordOf, textOf } from '../../karmada/json.ts';
import { CLUSTER_POLICY_ID_LABEL, POLICY_ID_LABEL } from '../../karmada/names.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/object.ts';
import { compileIdentities } from '../../verification/policy/identity.ts';
import { joined, sampleOf } from './look.ts';
import type { PolicyFacts, Sample } from './types.ts';

/** Of each kind. */
const LIMIT = 2000;

/** All policies, as far as they matter here. Rejects with ApiError. */
export async function policyFacts(client: KubeClient, signal: AbortSignal, deadline: number): Promise<Sample<PolicyFacts>> {
  const samples = Object.values(POLICY_RESOURCES).map((resource) =>
    sampleOf(client, resource, { limit: LIMIT, signal, deadline }, (object) => projectPolicy(resource.kind, object)));
  return joined(await Promise.all(samples));
}

/** What matters of a policy; of one that makes no sense whatever can be read. Pure. */
export function projectPolicy(kind: string, object: KubeObject): PolicyFacts {
  const { metadata } = object;
  const spec = fieldOf(object, 'spec');
  const status = fieldOf(object, 'status');
  const observedGeneration = fieldOf(status, 'observedGeneration');
  const ready = listOf(fieldOf(status, 'conditions')).find((condition) => fieldOf(condition, 'type') === 'Ready') as Condition | undefined;
  const labels = metadata.labels ?? {};
  const image = textOf(fieldOf(listOf(fieldOf(status, 'images'))[0], 'image'));
  const pin = fieldOf(spec, 'pin');
  return {
    id: `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`,
    generation: metadata.generation ?? 0,
    suspended: fieldOf(spec, 'suspend') === true,
    globs: listOf(fieldOf(spec, 'images')).map((one) => textOf(fieldOf(one, 'glob'))),
    enforcement: textOf(fieldOf(spec, 'enforcement')) || 'Enforce',
    pinMode: textOf(fieldOf(pin, 'mode')) || 'Patch',
    pinForm: textOf(fieldOf(pin, 'form')) || 'Digest',
    weaknesses: listOf(fieldOf(spec, 'authorities')).flatMap(weaknessesOf),
    exceptions: listOf(fieldOf(spec, 'authorities')).flatMap(exceptionsOf),
    propagated: POLICY_ID_LABEL in labels || CLUSTER_POLICY_ID_LABEL in labels,
    ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
    ...(typeof observedGeneration === 'number' ? { observedGeneration } : {}),
    ...(ready === undefined ? {} : { ready }),
    ...(image === '' ? {} : { image }),
  };
}

function weaknessesOf(authority: unknown, index: number): readonly string[] {
  const keyless = fieldOf(authority, 'keyless');
  if (keyless === undefined) return [];
  try {
    const identities = listOf(fieldOf(keyless, 'identities'));
    return compileIdentities({ identities: identities.map(recordOf) }, `spec.authorities[${index}].keyless`).warnings;
  } catch {
    // It is not Ready then, and that is told.
    return [];
  }
}

function exceptionsOf(authority: unknown): readonly string[] {
  const name = textOf(fieldOf(authority, 'name'));
  const passes = fieldOf(fieldOf(authority, 'static'), 'action') === 'pass';
  const ignoresSct = fieldOf(fieldOf(authority, 'keyless'), 'insecureIgnoreSCT') === true;
  const ignoresLog = fieldOf(fieldOf(authority, 'ctlog'), 'insecureIgnore') === true;
  return [
    ...(passes ? [`authority "${name}" lets its images pass without a signature (static.action: pass)`] : []),
    ...(ignoresSct ? [`authority "${name}" takes certificates that no certificate transparency log has seen (insecureIgnoreSCT)`] : []),
    ...(ignoresLog ? [`authority "${name}" takes signatures that no transparency log has seen (ctlog.insecureIgnore)`] : []),
  ];
}
