import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CliContext } from './context.ts';

/** How it is told. */
export const FORMATS = ['table', 'json', 'yaml'] as const;

/** What `assay doctor` was asked to do. */
export interface DoctorOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly hostKubeconfig?: string;
  readonly hostContext?: string;
  readonly operatorNamespace: string;
  readonly karmadaNamespace: string;
  readonly account?: string;
  readonly trustedRoot?: string;
  readonly registries?: true;
  readonly allowHttpRegistry: readonly string[];
  /** Milliseconds for each thing that is looked at. */
  readonly timeout: number;
  readonly output: (typeof FORMATS)[number];
}

const MAX_SECONDS = 300;
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

const HELP = `
It looks and changes nothing. Each thing is ok, a warning, a problem, or unseen: then it says how to see it. Run it with a kubeconfig that
may do more than the operator (an administrator's): it asks what the operator's account may do, and reads definitions and policies.

Examples:
  assay doctor
  assay doctor --context production -o json | jq '.findings[] | select(.result == "problem")'
  assay doctor --kubeconfig karmada-apiserver.config --host-kubeconfig host.config --registries

Exit codes: 0 when there is no problem (warnings are none), 1 when there is one, 2 for a bad option.`;

/** Adds `doctor`: looks at everything that usually goes wrong, and says what to do. What it takes is loaded when it is called. */
export function addDoctorCommand(program: Command, context: CliContext): void {
  program
    .command('doctor')
    .summary('look for what usually goes wrong, and say what to do')
    .description('Looks at an installation on Kubernetes or Karmada: the API server, definitions, rights, policies, trust, and what Karmada does with images.')
    .option('--kubeconfig <FILE>', "kubeconfig of the API server that is governed (default: $KUBECONFIG, else the pod's service account, else ~/.kube/config)")
    .option('--context <NAME>', 'context of the kubeconfig (default: its current context)')
    .option('--host-kubeconfig <FILE>', 'on Karmada: kubeconfig of the cluster that Karmada and the operator run in; without it they are not looked at')
    .option('--host-context <NAME>', 'context of that kubeconfig (default: its current context)')
    .option('--operator-namespace <NAME>', 'namespace of the operator', readName, 'assay-system')
    .option('--karmada-namespace <NAME>', "namespace of Karmada's controller manager in the host cluster", readName, 'karmada-system')
    .option('--account <USER>', "user name of the operator's credentials (default: system:serviceaccount:NAMESPACE:assay)")
    .option('--trusted-root <FILE>', 'trusted_root.json that the operator is given (default: the one that "assay verify" uses here)')
    .option('--registries', 'ask each registry that policies name, as the operator would')
    .addOption(new Option('--allow-http-registry <HOSTS>', 'with --registries: those that are spoken to in plain HTTP, comma-separated').argParser(readHosts).default([], 'none'))
    .addOption(new Option('--timeout <SECONDS>', `how long each thing may take to look at, 1 to ${MAX_SECONDS}`).argParser(readTimeout).default(10_000, '10'))
    .addOption(new Option('-o, --output <FORMAT>', 'how it is told').choices([...FORMATS]).default('table'))
    .addHelpText('after', HELP)
    .action(async (options: DoctorOptions, command: Command) => {
      if (options.hostContext !== undefined && options.hostKubeconfig === undefined) command.error('--host-context: it needs --host-kubeconfig');
      const { runDoctor } = await import('./doctor/run.ts');
      context.setExitCode(await runDoctor(options, context));
    });
}

function readName(text: string): string {
  if (NAME.test(text)) return text;
  throw new InvalidArgumentError('It is not the name of a namespace.');
}

function readHosts(text: string): readonly string[] {
  const hosts = text.split(',').map((host) => host.trim().toLowerCase());
  if (hosts.length <= 64 && hosts.every((host) => /^[a-z0-9.[\]:-]+$/.test(host))) return hosts;
  throw new InvalidArgumentError('It is not a list of host or host:port.');
}

function readTimeout(text: string): number {
  const seconds = /^\d{1,3}s?$/.test(text) ? Number.parseInt(text, 10) : Number.NaN;
  if (seconds >= 1 && seconds <= MAX_SECONDS) return seconds * 1000;
  throw new InvalidArgumentError(`It is not a number of seconds from 1 to ${MAX_SECONDS}.`);
}
