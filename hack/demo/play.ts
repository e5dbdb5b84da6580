import { REQUESTED_AT_ANNOTATION } from '../../src/api/annotations.ts';
import { CAST, type CastMember, LATECOMER } from './cast.ts';
import { deployment, list, POLICIES } from './manifests.ts';
import { type MemberOutcome, observe, outcomes, type StatusImage } from './outcome.ts';
import { PUBLIC } from './public-images.ts';
import { eventLines, type EventObject, imageTable, metricLines, publicTable, short } from './report.ts';
import type { Stage } from './stage.ts';
import { poll, type Screen, step } from './steps.ts';
import { wrap } from './terminal.ts';

const PATIENCE = 30;
/** The controllers' name in events. */
const REPORTER = 'assay.dev/operator';

/** Applies the Deployments, shows what becomes of them, and then moves a tag. Returns how many came out otherwise than they must. */
export async function play(screen: Screen, stage: Stage): Promise<number> {
  const applied = await step(screen, 'deployments', () => applyAll(stage));
  heading(screen, 'Images before and after (each rollout is a ReplicaSet)');
  show(screen, imageTable(applied.members, screen.paint));
  if (stage.publicImages !== undefined) {
    heading(screen, `Genuine public images, under the policy civ/${PUBLIC.policy}`);
    show(screen, publicTable(applied.genuine, stage.publicImages.host, screen.paint));
  }
  await showCommand(screen, stage, ['get', 'iv,civ', '-A', '-o', 'wide']);
  heading(screen, 'Events about the Deployments');
  show(screen, eventLines(await events(stage, ({ involvedObject }) => involvedObject.kind === 'Deployment'), screen.paint, screen.width));
  heading(screen, 'A tag moves to an image that nobody signed');
  const moved = await moveTag(screen, stage);
  heading(screen, `Metrics that are not 0 (${stage.operator.metricsUrl})`);
  show(screen, metricLines(await (await fetch(stage.operator.metricsUrl)).text()));
  const wrong = [...applied.members, ...moved].filter(({ asExpected }) => !asExpected).length;
  return wrong + applied.genuine.filter(({ result }) => result !== 'Verified').length + (stage.publicImages?.images.length ?? 0) - applied.genuine.length;
}

interface Applied {
  readonly members: readonly MemberOutcome[];
  /** What the status of the policy of public images says. */
  readonly genuine: readonly StatusImage[];
}

async function applyAll(stage: Stage): Promise<[string, Applied]> {
  const { kubectl, images, publicImages } = stage;
  const genuine = publicImages?.deployments ?? [];
  await kubectl.run(['apply', '-f', '-'], list([...CAST.map((member) => deployment(member, images)), ...genuine]));
  const members = await settled(stage, CAST);
  return [`${CAST.length + genuine.length} applied by tag or digest, all judged`, { members, genuine: await settledPublic(stage) }];
}

/** Waits until each of `cast` came out as it must; after a while gives what there is, and the caller shows that. */
async function settled({ kubectl, images }: Stage, cast: readonly CastMember[]): Promise<MemberOutcome[]> {
  let last: MemberOutcome[] = [];
  await poll(PATIENCE, async () => {
    last = outcomes(cast, images.images, await observe(kubectl));
    return last.every(({ asExpected }) => asExpected) ? last : undefined;
  });
  return last;
}

async function settledPublic({ kubectl, publicImages }: Stage): Promise<readonly StatusImage[]> {
  let last: readonly StatusImage[] = [];
  await poll(publicImages === undefined ? 0 : PATIENCE, async () => {
    const { policies } = await observe(kubectl);
    last = policies.find(({ metadata }) => metadata.namespace === undefined && metadata.name === PUBLIC.policy)?.status?.images ?? [];
    return last.length === publicImages?.images.length && last.every(({ result }) => result === 'Verified') ? last : undefined;
  });
  return last;
}

/** What a stolen registry password can do: the tag says another image, and what was pinned does not care. */
async function moveTag(screen: Screen, stage: Stage): Promise<MemberOutcome[]> {
  const { kubectl, images } = stage;
  const { reference, from, to } = await images.moveTag();
  const story = `The tag ${short(reference)} pointed to ${short(`@${from}`)} and points to ${short(`@${to}`)} now, as after a theft of the registry's password. The policy is asked to look again at once, and a new Deployment names the tag.`;
  show(screen, wrap(story, screen.width));
  await kubectl.run(['annotate', 'imageverification', POLICIES.shop, '-n', 'shop', `${REQUESTED_AT_ANNOTATION}=${new Date().toISOString()}`]);
  await kubectl.run(['apply', '-f', '-'], JSON.stringify(deployment(LATECOMER, images)));
  const cast = [...CAST.filter(({ name }) => name === 'search'), LATECOMER];
  const result = await step(screen, 'tag moved', async () => ['what was pinned stays, what names the tag is judged by what it is now', await settled(stage, cast)] as const);
  screen.print();
  show(screen, imageTable(result, screen.paint));
  screen.print();
  const news = await poll(10, async () => {
    const found = await events(stage, ({ reason }) => reason === 'TagMoved');
    return found.length > 0 ? found : undefined;
  });
  show(screen, eventLines(news ?? [], screen.paint, screen.width));
  return result;
}

async function events({ kubectl }: Stage, wanted: (event: EventObject) => boolean): Promise<EventObject[]> {
  const all = await kubectl.list<EventObject>('events', '-A', `--field-selector=reportingComponent=${REPORTER}`);
  return all.filter((event) => wanted(event)).toSorted((a, b) => a.involvedObject.name.localeCompare(b.involvedObject.name));
}

async function showCommand(screen: Screen, { kubectl }: Stage, args: readonly string[]): Promise<void> {
  heading(screen, `kubectl ${args.join(' ')}`);
  show(screen, (await kubectl.run(args)).trimEnd().split('\n').map((line) => line.trimEnd()));
}

function heading(screen: Screen, text: string): void {
  screen.print();
  screen.print(screen.paint(text, 'strong'));
  screen.print();
}

function show(screen: Screen, lines: readonly string[]): void {
  for (const line of lines) screen.print(line);
}
