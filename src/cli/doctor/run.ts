import { printable } from '../../base/text.ts';
import type { CliContext } from '../context.ts';
import type { DoctorOptions } from '../doctor.ts';
import { gather } from './gather.ts';
import { judge, summaryOf } from './judge.ts';
import { tableOf } from './table.ts';
import type { Finding } from './types.ts';

/** Looks, tells what was found, and gives the exit code: 1 where there is a problem, else 0. */
export async function runDoctor(options: DoctorOptions, context: CliContext): Promise<number> {
  const findings = judge(await gather(options, context)).map(withoutControls);
  const summary = summaryOf(findings);
  context.stdout(await textOf(findings, options.output));
  return summary.problem === 0 ? 0 : 1;
}

async function textOf(findings: readonly Finding[], output: DoctorOptions['output']): Promise<string> {
  if (output === 'table') return tableOf(findings);
  const document = { summary: summaryOf(findings), findings };
  if (output === 'json') return `${JSON.stringify(document, null, 2)}\n`;
  const { yamlOf } = await import('../../kube/yaml.ts');
  return yamlOf(document);
}

/** Names and messages come from a cluster that may be somebody else's. */
function withoutControls(finding: Finding): Finding {
  const { what, todo, objects } = finding;
  return {
    ...finding,
    what: printable(what),
    ...(todo === undefined ? {} : { todo: todo.split('\n').map(printable).join('\n') }),
    ...(objects === undefined ? {} : { objects: objects.map(printable) }),
  };
}
