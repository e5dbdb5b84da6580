import { compileGlob, matchesGlob } from '../../api/image-glob.ts';
import { parseImageReference } from '../../api/image-reference.ts';
import { overrideImage } from '../../karmada/image-overrider.ts';
import { fieldOf, listOf, textOf } from '../../karmada/json.ts';
import { MAX_SPEC } from '../../karmada/project-policy.ts';
import { highestScore, SCORE } from '../../karmada/selectors.ts';
import type { OverridePolicyObject } from '../../karmada/types.ts';
import { counted, sayer } from './findings.ts';
import type { Facts, Finding, PolicyFacts, TemplateFacts } from './types.ts';

/** Kinds whose containers Karmada's image overriders find by themselves. */
const REACHED: ReadonlySet<string> = new Set(['Pod', 'ReplicaSet', 'Deployment', 'DaemonSet', 'StatefulSet', 'Job']);
const SOME_DIGEST = `sha256:${'0'.repeat(64)}`;

type Image = TemplateFacts['images'][number];

/** As which form an image of a namespace is pinned: the shortest that any policy asks for; undefined where nobody pins it. */
type FormOf = (image: string, namespace: string) => string | undefined;

/** What one override policy does to one template. */
interface Effect {
  readonly trouble: 'drops' | 'unpins' | 'misses' | 'rewrites';
  readonly object: string;
}

/** What override policies do to images that are pinned, and which they do not reach. */
export function checkOverrides({ karmada, policies }: Facts): readonly Finding[] {
  const say = sayer('overrides');
  if (karmada?.seen !== true) return [];
  const { overrides, templates } = karmada.value;
  if (!overrides.seen) return [say('unseen', `override policies could not be read: ${overrides.why}`, 'kubectl get op,cop -A')];
  if (!templates.seen) return [say('unseen', `templates could not be read: ${templates.why}`)];
  if (policies?.seen !== true) return [];
  const formOf = formsBy(policies.value.items);
  const byNamespace = Map.groupBy(templates.value.items, ({ namespace }) => namespace);
  const reach = ({ namespace }: OverridePolicyObject): readonly TemplateFacts[] => (namespace === '' ? templates.value.items : (byNamespace.get(namespace) ?? []));
  const large = overrides.value.items.filter(({ tooLarge }) => tooLarge === true).map(named);
  const effects = overrides.value.items.filter(({ tooLarge }) => tooLarge !== true).flatMap((override) => reach(override).filter((template) => selects(override, template)).flatMap((template) => effectsOn(override, template, formOf)));
  const findings = TROUBLES.flatMap(({ trouble, result, what, todo }) => {
    const objects = [...new Set(effects.filter((effect) => effect.trouble === trouble).map(({ object }) => object))];
    return objects.length === 0 ? [] : [say(result, what(objects.length), todo, objects)];
  });
  const partly = [overrides.value, templates.value].some(({ more }) => more);
  return [
    ...(findings.length > 0 ? findings : [say('ok', `${counted(overrides.value.items.length - large.length, 'override policy keeps', 'override policies keep')} digests as they are`)]),
    ...(large.length === 0 ? [] : [say('unseen', `${counted(large.length, 'override policy is', 'override policies are')} larger than ${MAX_SPEC / 1024} KiB, which is not looked into`, 'the status of policies has DigestDroppedByOverride for each cluster where it happens', large)]),
    ...(partly ? [say('unseen', `only ${counted(overrides.value.items.length, 'override policy', 'override policies')} and ${counted(templates.value.items.length, 'template')} were looked at`, 'the status of policies has DigestDroppedByOverride for each cluster where it happens')] : []),
  ];
}

const TROUBLES: readonly { readonly trouble: Effect['trouble']; readonly result: Finding['result']; readonly what: (count: number) => string; readonly todo: string }[] = [
  {
    trouble: 'drops',
    result: 'problem',
    what: (count) => `of ${counted(count, 'template')} an image overrider drops the digest, because it is pinned as tag and digest: members run the tag, whatever it is by then`,
    todo: 'set pin.form to Digest in the policies that govern it, which writes what was pinned as repo@sha256:…; what others wrote with tag and digest, write without the tag',
  },
  {
    trouble: 'unpins',
    result: 'problem',
    what: (count) => `of ${counted(count, 'template')} an overrider puts a tag in place of the verified digest: members run what nobody verified`,
    todo: 'remove the overrider of the tag, or give it a digest (value: sha256:…); which tag a cluster runs belongs into its template',
  },
  {
    trouble: 'rewrites',
    result: 'warning',
    what: (count) => `of ${counted(count, 'template')} a plaintext overrider writes images itself: what it writes is judged as it is, and not pinned`,
    todo: 'write images with a digest there, or use an imageOverrider for registry and repository',
  },
  {
    trouble: 'misses',
    result: 'warning',
    what: (count) => `of ${counted(count, 'template')} an image overrider does not reach all images (init containers, image volumes, CronJobs): members pull these from where the template says`,
    todo: 'add an overrider with predicate.path for each of them, such as /spec/template/spec/initContainers/0/image',
  },
];

function effectsOn(override: OverridePolicyObject, template: TemplateFacts, formOf: FormOf): readonly Effect[] {
  const { kind, namespace, name, images } = template;
  const object = `${kind} ${namespace}/${name} (${named(override)})`;
  const overriders = override.rules.flatMap((rule) => listOf(rule.overriders['imageOverrider']));
  const paths = override.rules.flatMap((rule) => listOf(rule.overriders['plaintext'])).map((one) => textOf(fieldOf(one, 'path')));
  const troubles = new Set<Effect['trouble']>(overriders.flatMap((overrider) => images.flatMap((image) => troubleOf(image, overrider, template, formOf))));
  if (images.some((image) => formOf(image.image, namespace) !== undefined && paths.some((path) => writes(path, image)))) troubles.add('rewrites');
  return [...troubles].map((trouble) => ({ trouble, object }));
}

function named({ kind, namespace, name }: OverridePolicyObject): string {
  return `${kind} ${namespace === '' ? '' : `${namespace}/`}${name}`;
}

function troubleOf(image: Image, overrider: unknown, template: TemplateFacts, formOf: FormOf): readonly Effect['trouble'][] {
  const path = textOf(fieldOf(fieldOf(overrider, 'predicate'), 'path'));
  const isReached = path === '' ? image.holder === 'containers' && REACHED.has(template.kind) : path === image.pointer;
  // With a predicate it is meant for that one image, and moving only some of a pod's images is what "tag" is about.
  if (!isReached) return path === '' && textOf(fieldOf(overrider, 'component')) !== 'Tag' ? ['misses'] : [];
  const form = formOf(image.image, template.namespace);
  const isPinned = image.image.includes('@');
  if (form === undefined || keepsDigest(isPinned ? image.image : pinnedAs(image.image, form), overrider)) return [];
  return [keepsDigest(pinnedAs(image.image, 'Digest'), overrider) ? 'drops' : 'unpins'];
}

/** Each image of a namespace is looked up once, among the policies that may govern it. */
function formsBy(policies: readonly PolicyFacts[]): FormOf {
  const pinning = policies.filter(({ pinMode, enforcement, suspended }) => pinMode !== 'Never' && enforcement !== 'Audit' && !suspended);
  const byNamespace = Map.groupBy(pinning.map(({ namespace = '', pinForm, globs }) => ({ namespace, pinForm, globs: globs.flatMap((glob) => orNothing(() => compileGlob(glob))) })), ({ namespace }) => namespace);
  const known = new Map<string, string | undefined>();
  const find: FormOf = (image, namespace) => {
    const [name] = orNothing(() => parseImageReference(image).name);
    const governing = [...(byNamespace.get('') ?? []), ...(byNamespace.get(namespace) ?? [])].filter(({ globs }) => name !== undefined && globs.some((glob) => matchesGlob(glob, name)));
    return governing.length === 0 ? undefined : governing.some(({ pinForm }) => pinForm === 'Digest') ? 'Digest' : 'TagAndDigest';
  };
  return (image, namespace) => {
    const key = `${namespace} ${image}`;
    if (!known.has(key)) known.set(key, find(image, namespace));
    return known.get(key);
  };
}

/** What stands in the template once it is pinned. */
function pinnedAs(image: string, form: string): string {
  const [bare = ''] = image.split('@');
  const digest = image.slice(bare.length + 1) || SOME_DIGEST;
  return `${form === 'Digest' ? bare.replace(/:[^:/]*$/, '') : bare}@${digest}`;
}

function keepsDigest(image: string, overrider: unknown): boolean {
  try {
    return overrideImage(image, overrider).includes('@');
  } catch {
    // Karmada fails there too, and goes on running what the cluster has.
    return true;
  }
}

/** Whether a JSON patch at this path changes the image: there, above it, or below what holds it. */
function writes(path: string, { pointer }: Image): boolean {
  return path === pointer || (path.length > 1 && pointer.startsWith(`${path}/`));
}

function selects({ resourceSelectors }: OverridePolicyObject, template: TemplateFacts): boolean {
  return resourceSelectors.length === 0 || highestScore(template, resourceSelectors) > SCORE.none;
}

function orNothing<Value>(read: () => Value): readonly Value[] {
  try {
    return [read()];
  } catch {
    return [];
  }
}
