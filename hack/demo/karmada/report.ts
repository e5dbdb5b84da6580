import { short } from '../report.ts';
import { type Cell, type Paint, table, type Tone } from '../terminal.ts';
import type { FleetPolicy, SentOutcome } from './outcome.ts';

/** What a table of the fleet is made from. */
export interface FleetView {
  readonly members: readonly string[];
  /** The registry that is called mirror: `127.0.0.1:port`. */
  readonly mirror: string;
  /** Whether what was applied is shown, too. */
  readonly applied: boolean;
  /** Which came out as they must. */
  readonly isRight: (outcome: SentOutcome) => boolean;
}

/** Which image each Deployment has: as it was applied, at Karmada, and in each member. */
export function fleetTable(outcomes: readonly SentOutcome[], { members, mirror, applied: isShown, isRight }: FleetView, paint: Paint): string[] {
  const rows = outcomes.map((outcome): Cell[] => {
    const { sent, applied, template } = outcome;
    return [
      isRight(outcome) ? { text: '✔', tone: 'good' } : { text: '✖', tone: 'bad' },
      `${sent.namespace}/${sent.name}`,
      ...(isShown ? [brief(applied, mirror)] : []),
      imageCell(template, mirror),
      ...members.map((name) => imageCell(outcome.members.get(name), mirror)),
    ];
  });
  return table(['', 'DEPLOYMENT', ...(isShown ? ['APPLIED'] : []), 'AT KARMADA', ...members.map((name) => `IN ${name.toUpperCase()}`)], rows, paint);
}

function imageCell(image: string | undefined, mirror: string): Cell {
  if (image === undefined) return { text: '-', tone: 'faint' };
  return { text: brief(image, mirror), tone: image.includes('@') ? 'strong' : 'waiting' };
}

function brief(image: string, mirror: string): string {
  return image.startsWith(`${mirror}/`) ? `mirror/${short(image)}` : short(image);
}

/** `status.propagation` of a policy. */
export function propagationTable({ status }: FleetPolicy, paint: Paint): string[] {
  const rows = (status?.propagation ?? []).map(({ kind, namespace = '', name, templates, verified, failed, unknown }): Cell[] => [
    `${kind} ${namespace}/${name}`,
    number(templates, 'plain'),
    number(verified, 'good'),
    number(failed, 'bad'),
    number(unknown, 'waiting'),
  ]);
  return table(['POLICY OF KARMADA', 'TEMPLATES', 'VERIFIED', 'FAILED', 'UNKNOWN'], rows, paint);
}

/** `status.clusters` of a policy. */
export function clusterTable({ status }: FleetPolicy, paint: Paint): string[] {
  const rows = (status?.clusters ?? []).map(({ name, workloads, verified, failed, unpinned }): Cell[] => [
    name,
    number(workloads, 'plain'),
    number(verified, 'good'),
    number(failed, 'bad'),
    number(unpinned, 'waiting'),
  ]);
  return table(['CLUSTER', 'WORKLOADS', 'VERIFIED', 'FAILED', 'UNPINNED'], rows, paint);
}

/** The series about Karmada that are not 0. */
export function karmadaMetrics(exposition: string): string[] {
  return exposition.split('\n').filter((line) => /^assay_karmada_\S+ [1-9]/.test(line));
}

function number(count: number, tone: Tone): Cell {
  return { text: String(count), tone: count === 0 ? 'faint' : tone };
}
