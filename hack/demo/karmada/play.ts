import { list } from '../manifests.ts';
import { type EventObject, eventLines, short } from '../report.ts';
import { poll, type Screen, step } from '../steps.ts';
import { wrap } from '../terminal.ts';
import { LEDGER, MIRROR, mirrored, namespaces, POLICIES, type Sent, sent, SHOP } from './manifests.ts';
import { type FleetObserved, type FleetPolicy, hasCondition, isDroppedIn, isPinned, isUntouched, observe, outcomes, policyOf, type SentOutcome } from './outcome.ts';
import { clusterTable, type FleetView, fleetTable, karmadaMetrics, propagationTable } from './report.ts';
import type { KarmadaStage } from './stage.ts';

const PATIENCE = 30;
const REPORTER = 'assay.dev/operator';

/** What an act must show. */
interface Claim {
  readonly says: string;
  readonly holds: (seen: FleetObserved) => boolean;
}

/** Plays three acts. Returns how many claims did not come true. */
export async function playOnKarmada(screen: Screen, stage: KarmadaStage): Promise<number> {
  let wrong = 0;
  for (const one of [tagToDigest, unsigned, override, remedy]) wrong += await one(screen, stage);
  return wrong;
}

async function tagToDigest(screen: Screen, stage: KarmadaStage): Promise<number> {
  heading(screen, '1. A tag goes in at the control plane, a digest comes out in the clusters');
  tell(screen, 'A team applies three Deployments at Karmada, by tag, and two PropagationPolicies: "everywhere" sends web and api to both clusters, "europe" sends report to member2 alone. Nobody signed report.');
  screen.print();
  const isRight = (one: SentOutcome): boolean => (one.sent.part === 'unsigned' ? isUntouched(one) : isPinned(one));
  const { wrong, seen } = await act(screen, stage, ['propagated', 'judged at Karmada, pinned there by one patch each; Karmada did the rest'], SHOP.map((one) => claimOf(stage, one, isRight)), async () => {
    await stage.kubectl.run(['apply', '-f', '-'], list(namespaces(['shop'])));
    await stage.kubectl.run(['apply', '-f', '-'], list(sent(SHOP, stage.images)));
  });
  showFleet(screen, stage, outcomes(SHOP, stage.images, seen), { applied: true, isRight });
  screen.print();
  tell(screen, 'What stands under a cluster was read from the API server of that cluster. Nothing of Assay runs there.');
  return wrong;
}

async function unsigned(screen: Screen, stage: KarmadaStage): Promise<number> {
  heading(screen, '2. What nobody signed is reported, by policy of Karmada and by cluster');
  const { wrong, seen } = await act(screen, stage, ['reported', 'in the status of civ shop, and by an event on the PropagationPolicy'], [
    { says: 'the status of civ shop counts report as failed under its PropagationPolicy', holds: (now) => countsOf(policyOf(now, POLICIES.shop)) === 'europe 0/1 failed 1, everywhere 2/2 failed 0' },
    { says: 'the status of civ shop counts report as failed in member2', holds: (now) => clustersOf(policyOf(now, POLICIES.shop)) === 'member1 2/2 failed 0, member2 2/3 failed 1' },
  ]);
  await showCommand(screen, stage, ['get', 'civ', POLICIES.shop, '-o', 'wide']);
  showStatus(screen, policyOf(seen, POLICIES.shop), [propagationTable, clusterTable]);
  return wrong + (await mustShowEvent(screen, stage, 'on the PropagationPolicy shop/europe', ({ reason, involvedObject: { kind, name } }) => reason === 'NoSignature' && kind === 'PropagationPolicy' && name === 'europe'));
}

async function override(screen: Screen, stage: KarmadaStage): Promise<number> {
  const { kubectl, images, mirror, operator } = stage;
  heading(screen, '3. An override takes a digest away');
  tell(screen, `Another team has its pins keep the tag (pin.form: TagAndDigest). Then a ClusterOverridePolicy has member2 pull from a mirror, ${mirror}, where ${short(images.images.keyed.reference)} is an earlier build. Karmada keeps a digest only where there is no tag.`);
  screen.print();
  const ledger = await act(screen, stage, ['ledger', 'pinned with its tag, in both clusters'], [claimOf(stage, LEDGER, isPinned)], async () => {
    await kubectl.run(['apply', '-f', '-'], list(namespaces(['billing'])));
    await kubectl.run(['apply', '-f', '-'], list(sent([LEDGER], images)));
  });
  const together = [...SHOP.filter(({ part }) => part !== 'unsigned'), LEDGER];
  const isRight = (one: SentOutcome): boolean => (one.sent === LEDGER ? isDroppedIn(MIRROR.cluster, one) : isPinned(one));
  const { wrong, seen } = await act(screen, stage, ['override', 'web and api keep their digests; of ledger, member2 is told a tag: found and reported'], [
    ...together.map((one) => claimOf(stage, one, isRight)),
    { says: 'civ billing says that the digest was dropped', holds: (now) => hasCondition(policyOf(now, POLICIES.billing), 'Pinned', 'False', 'DigestDroppedByOverride') },
    { says: 'civ billing counts in member2 what the mirror has there as failed', holds: (now) => clustersOf(policyOf(now, POLICIES.billing)) === 'member1 1/1 failed 0, member2 0/1 failed 1' },
    { says: 'civ shop counts what the mirror has of web and api as verified, though nothing is signed there', holds: (now) => ratioOf(now, POLICIES.shop) === '4/6' },
    { says: 'civ shop counts in its clusters as before', holds: (now) => clustersOf(policyOf(now, POLICIES.shop)) === 'member1 2/2 failed 0, member2 2/3 failed 1' },
  ], () => kubectl.run(['apply', '-f', '-'], list([mirrored(mirror)])));
  showFleet(screen, stage, outcomes(together, images, seen), { applied: false, isRight });
  showStatus(screen, policyOf(seen, POLICIES.billing), [clusterTable]);
  const silent = await mustShowEvent(screen, stage, 'about the digest that was dropped', ({ reason, involvedObject }) => reason === 'DigestDroppedByOverride' && involvedObject.name === LEDGER.name);
  show(screen, ['', ...karmadaMetrics(await (await fetch(operator.metricsUrl)).text())]);
  return ledger.wrong + wrong + silent;
}

async function remedy(screen: Screen, stage: KarmadaStage): Promise<number> {
  const { kubectl, images } = stage;
  heading(screen, '4. A digest that goes through the same override');
  tell(screen, 'The team goes back to the default, pin.form: Digest, and does nothing else. The override stays.');
  screen.print();
  const { wrong, seen } = await act(screen, stage, ['pinned again', 'without the tag: nothing is left that Karmada could keep in its place'], [
    claimOf(stage, LEDGER, isPinned),
    { says: 'civ billing is pinned in all clusters', holds: (now) => hasCondition(policyOf(now, POLICIES.billing), 'Pinned', 'True') },
    { says: 'civ billing counts what the mirror has now as verified', holds: (now) => ratioOf(now, POLICIES.billing) === '2/2' },
  ], () => kubectl.run(['patch', 'civ', POLICIES.billing, '--type=merge', '-p', JSON.stringify({ spec: { pin: { form: 'Digest' } } })]));
  showFleet(screen, stage, outcomes([LEDGER], images, seen), { applied: true, isRight: isPinned });
  await showCommand(screen, stage, ['get', 'civ']);
  return wrong;
}

/** Does something, and waits until all that is claimed holds; after a while tells what does not. */
async function act(screen: Screen, stage: KarmadaStage, [what, detail]: readonly [string, string], claims: readonly Claim[], first?: () => Promise<unknown>): Promise<{ readonly wrong: number; readonly seen: FleetObserved }> {
  const seen = await step(screen, what, async () => {
    await first?.();
    let last = await observe(stage);
    await poll(PATIENCE, async () => {
      if (claims.every(({ holds }) => holds(last))) return true;
      last = await observe(stage);
      return undefined;
    });
    return [detail, last] as const;
  });
  const broken = claims.filter(({ holds }) => !holds(seen));
  for (const { says } of broken) screen.print(`${screen.paint('✖', 'bad')} It must be so that ${says}; it is not.`);
  return { wrong: broken.length, seen };
}

function claimOf({ images }: KarmadaStage, one: Sent, right: (outcome: SentOutcome) => boolean): Claim {
  const says = `${one.namespace}/${one.name} is as it must be at Karmada and in its clusters`;
  return { says, holds: (now) => outcomes([one], images, now).every((outcome) => right(outcome)) };
}

function countsOf(policy: FleetPolicy | undefined): string {
  return (policy?.status?.propagation ?? []).map(({ name, templates, verified, failed }) => `${name} ${verified}/${templates} failed ${failed}`).join(', ');
}

function ratioOf(seen: FleetObserved, name: string): string | undefined {
  return policyOf(seen, name)?.status?.summary?.ratio;
}

function clustersOf(policy: FleetPolicy | undefined): string {
  return (policy?.status?.clusters ?? []).map(({ name, workloads, verified, failed }) => `${name} ${verified}/${workloads} failed ${failed}`).join(', ');
}

/** Shows an event that must be there. Returns 1 when it does not come. */
async function mustShowEvent(screen: Screen, { kubectl }: KarmadaStage, what: string, wanted: (event: EventObject) => boolean): Promise<0 | 1> {
  const found = await poll(PATIENCE, async () => {
    const all = await kubectl.list<EventObject>('events', '-A', `--field-selector=reportingComponent=${REPORTER}`);
    return all.find((event) => wanted(event));
  });
  screen.print();
  if (found !== undefined) show(screen, eventLines([found], screen.paint, screen.width));
  else screen.print(`${screen.paint('✖', 'bad')} There must be an event ${what}; there is none.`);
  return found === undefined ? 1 : 0;
}

function showFleet(screen: Screen, { members, mirror }: KarmadaStage, shown: readonly SentOutcome[], view: Pick<FleetView, 'applied' | 'isRight'>): void {
  show(screen, ['', ...fleetTable(shown, { members: members.map(({ name }) => name), mirror, ...view }, screen.paint)]);
}

function showStatus(screen: Screen, policy: FleetPolicy | undefined, tables: readonly ((policy: FleetPolicy, paint: Screen['paint']) => string[])[]): void {
  if (policy === undefined) return;
  show(screen, ['', screen.paint(`Of the status of civ ${policy.metadata.name}`, 'strong')]);
  for (const table of tables) show(screen, ['', ...table(policy, screen.paint)]);
}

async function showCommand(screen: Screen, { kubectl }: KarmadaStage, args: readonly string[]): Promise<void> {
  const lines = (await kubectl.run(args)).trimEnd().split('\n').map((line) => line.trimEnd());
  show(screen, ['', screen.paint(`kubectl ${args.join(' ')}`, 'strong'), '', ...lines]);
}

function heading(screen: Screen, text: string): void {
  show(screen, ['', screen.paint(text, 'strong'), '']);
}

function tell(screen: Screen, text: string): void {
  show(screen, wrap(text, screen.width));
}

function show(screen: Screen, lines: readonly string[]): void {
  for (const line of lines) screen.print(line);
}
