import type { MemberOutcome, StatusImage } from './outcome.ts';
import { type Cell, type Paint, table, wrap } from './terminal.ts';

/** An event as core/v1 shows it. */
export interface EventObject {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly involvedObject: { readonly kind: string; readonly namespace?: string; readonly name: string };
  readonly reportingComponent: string;
}

/** Drops the registry's host and all but the beginning of a digest. */
export function short(reference: string): string {
  return reference.replace(/^[^/]+:\d+\//, '').replace(/(@sha256:[0-9a-f]{8})[0-9a-f]+$/, '$1…');
}

/** The images before and after, a line for each container. */
export function imageTable(outcomes: readonly MemberOutcome[], paint: Paint): string[] {
  const rows = outcomes.flatMap((outcome) =>
    outcome.containers.map(({ container, before, after, status }, index): Cell[] => [
      index === 0 ? mark(outcome) : '',
      index === 0 ? `${outcome.member.namespace}/${outcome.member.name}` : '',
      `${container.name}${container.init === true ? ' (init)' : ''}`,
      short(before),
      before === after ? { text: 'as it was', tone: 'faint' } : { text: short(after), tone: 'strong' },
      verdict(status),
      index === 0 ? String(outcome.replicaSets) : '',
    ]),
  );
  return table(['', 'DEPLOYMENT', 'CONTAINER', 'BEFORE', 'AFTER', 'VERDICT', 'ROLLOUTS'], rows, paint);
}

/** What the status of their policy says of the public images: by whom they were signed. */
export function publicTable(rows: readonly StatusImage[], host: string, paint: Paint): string[] {
  const cells = rows.map((row): Cell[] => [
    row.result === 'Verified' ? { text: '✔', tone: 'good' } : { text: '✖', tone: 'bad' },
    short(row.image.replace(`${host}/`, '')),
    verdict(row),
    row.signer?.subject ?? row.message,
  ]);
  return table(['', 'IMAGE', 'VERDICT', 'SIGNED BY'], cells, paint);
}

function mark({ asExpected }: MemberOutcome): Cell {
  return asExpected ? { text: '✔', tone: 'good' } : { text: '✖', tone: 'bad' };
}

function verdict(status: StatusImage | undefined): Cell {
  if (status === undefined) return { text: 'none', tone: 'waiting' };
  return { text: status.reason, tone: status.result === 'Verified' ? 'good' : status.result === 'Failed' ? 'bad' : 'waiting' };
}

/** What events say, each once, the sentence below its head. */
export function eventLines(events: readonly EventObject[], paint: Paint, width: number): string[] {
  return events.flatMap(({ type, reason, message, involvedObject: { kind, namespace, name } }) => [
    `${paint(type, type === 'Warning' ? 'waiting' : 'good')} ${paint(reason, 'strong')} ${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`,
    ...wrap(message, width - 4).map((line) => `    ${line}`),
  ]);
}

/** The lines of Assay's own counters and gauges that are not 0. */
export function metricLines(exposition: string): string[] {
  return exposition.split('\n').filter((line) => /^assay_(verifications_total|pins_total|workloads|images|registry_requests_total|build_info)\{.* [1-9]\S*$/.test(line));
}
