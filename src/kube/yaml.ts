import { dumpYaml, loadYaml } from '@kubernetes/client-node';

/** Plain data as YAML, as kubectl reads it. */
export function yamlOf(value: unknown): string {
  return dumpYaml(value, { lineWidth: -1, noRefs: true });
}

/** One document of YAML as plain data. Throws an error that names the line, for an empty document too. */
export function parseYaml(text: string): unknown {
  return loadYaml<unknown>(text);
}
