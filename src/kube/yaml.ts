import { dumpYaml } from '@kubernetes/client-node';

/** Plain data as YAML, as kubectl reads it. */
export function yamlOf(value: unknown): string {
  return dumpYaml(value, { lineWidth: -1, noRefs: true });
}
