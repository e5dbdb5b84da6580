import { KIND_ENTRIES, UNCOVERABLE_KINDS } from '../../src/api/further-kinds.ts';
import { type KindEntry, WORKLOAD_KINDS, workloadKind } from '../../src/api/workload-kinds.ts';

const code = (text: string): string => `\`${text}\``;

const OWN_KINDS = `## Kinds of your own

\`--workload-kinds FILE\` adds kinds, or replaces the paths of one above. What is not said has the default:

\`\`\`
kinds:
  - group: apps.example.com
    versions: [v1, v1beta1] # the preferred one first
    kind: Widget
    plural: widgets
    scope: Namespaced # the default, or Cluster
    podSpecs: [spec.template.spec, "spec.roles.*.template.spec"]
    images: [spec.image, "spec.tasks[*].image"]
    patch: true # a patch of these fields changes what runs; the default is false
\`\`\`

A file that cannot be used ends the start with one sentence and exit code 2. The operator needs the right to \`list\` and \`watch\` such a kind, and to \`patch\` it where \`patch\` is
true: a ClusterRole of your own, bound to its account. A policy names it \`Widget.apps.example.com\`.`;

/** `docs/reference/kinds.md`: the kinds of workloads, and where each has its images. */
export function kindsPage(): string {
  return `<!-- Made by hack/generate-docs.ts: do not edit. -->
# Kinds of workloads

Where a policy does not narrow itself by \`spec.workloads.kinds\`, it governs all of these. There, in logs, statuses and events, those of Kubernetes itself are called
by their kind alone, all others by kind and group, as kubectl writes them: \`StatefulSet\` is the one of \`apps\`, \`StatefulSet.apps.kruise.io\` the one of OpenKruise.

## Kubernetes' own

${WORKLOAD_KINDS.map(({ name, patchable }) => `- ${code(name)}${patchable.length === 0 ? ': verified and reported, because its template cannot be changed' : ''}`).join('\n')}

## Where they are installed

Watched from the moment at which the API server has them, without a restart, until it has them no more; the operator asks what is served twice a minute. It needs the rights of
\`config/rbac/further-kinds.yaml\`: a kind that it may not read is named in its log once, and it goes on without.

| kind | versions | pod specs | fields that are an image | pinned by a patch |
|---|---|---|---|---|
${KIND_ENTRIES.map(row).join('\n')}

\`[*]\` stands for every element of a list, \`*\` for every member of a map. A pod spec is looked through as a Pod's is: containers, init containers and image volumes.
What is not pinned by a patch runs once: a change would not reach what runs by then, or would be refused. It is verified, and reported as \`NotPatchable\`.

- What one of these makes (a RayJob its RayCluster, a Notebook its StatefulSet, by a controlling owner reference) is left to it: one look, one patch.
- A \`SidecarSet.apps.kruise.io\` has no namespace and goes into Pods of many: every ClusterImageVerification governs it, whatever its \`namespaceSelector\` says.
- Not seen are images that a controller fills in by itself where the field is empty, and those within a string: Spark's \`sparkConf\`, Argo's \`podSpecPatch\` and
  parameters, the \`patch\` of a UnitedDeployment's subsets. A workflow that refers to a WorkflowTemplate shows what it has itself.

${OWN_KINDS}

## Counted, not covered

These make workloads of a source elsewhere, and their objects do not show their images. Where Karmada propagates them, what they make comes into being in the members, and is
verified there or not at all. They are counted: \`assay_watch_objects{resource="…"}\`.

${UNCOVERABLE_KINDS.map(({ name, plural, group }) => `- ${code(name)} (${code(`${plural}.${group}`)})`).join('\n')}
`;
}

function row(entry: KindEntry): string {
  const { versions, podSpecs = [], images = [], patch = false, scope } = entry;
  const list = (paths: readonly string[]): string => paths.map(code).join('<br>');
  return `| ${code(workloadKind(entry).name)}${scope === 'Cluster' ? ' (no namespace)' : ''} | ${list(versions)} | ${list(podSpecs)} | ${list(images)} | ${patch ? 'yes' : 'no'} |`;
}
