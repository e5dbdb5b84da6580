import { Command, type Option } from 'commander';
import { addDoctorCommand } from '../../src/cli/doctor.ts';
import { CHECKS, type CheckName } from '../../src/cli/doctor/types.ts';
import { worldOf } from '../../src/verify.ts';
import { escape } from './api-page.ts';

/** What each check looks at. */
const LOOKS_AT: Readonly<Record<CheckName, string>> = {
  configuration: 'whether there is a kubeconfig that can be used, and the certificate of the API server is checked',
  server: 'whether the API server can be reached, is the right one, and lets us in: which of these failed',
  clock: 'whether its clock and this machine\'s agree within 10 seconds',
  credentials: 'who the API server takes us for, and until when client certificate or token are good',
  version: 'whether it is Kubernetes 1.30 or newer',
  definitions: 'whether the definitions are installed, served, and those of this version; which fields differ',
  rights: 'whether the operator\'s account may do what config/ grants, each right by itself, and nothing that it would be stolen for',
  operator: 'whether its Deployment runs, once; on Karmada in the host cluster',
  policies: 'whether each policy is Ready, and an operator acted on it as it is now',
  patterns: 'regular expressions of identities without `^` or `$`, or with an alternation at their top',
  exceptions: '`static` authorities that let pass, `insecureIgnoreSCT`, `ctlog.insecureIgnore`',
  trust: 'whether the trust root can be used, who vouches for it until when, and when its authorities end',
  registries: 'with `--registries`: whether each registry that policies name answers',
  karmada: 'whether Karmada\'s groups are served, absent (404) or away (503), and have what came up to Karmada 1.13',
  propagation: 'whether Karmada leaves Assay\'s own objects alone; needs `--host-kubeconfig`',
  overrides: 'override policies that drop or replace a digest, write images themselves, or do not reach all of them',
  lazy: 'propagation policies that are `Lazy`',
  'pull-secrets': 'pull secrets that templates name and that only members have',
  'hidden-images': 'objects whose images are not in them: HelmRelease, Kustomization, Application',
};

/** The part of the page about the command line that is about `assay doctor`. */
export function doctorSection(): readonly string[] {
  const program = new Command();
  addDoctorCommand(program, worldOf({}, () => undefined));
  const options = program.commands.flatMap((command) => command.options);
  return [
    '## `assay doctor`',
    '',
    'Looks at an installation on Kubernetes or Karmada and says what to do. It changes nothing, reads no content of Secrets, and asks registries only when told to. Each',
    'finding is `ok`, a `warning`, a `problem`, or `unseen`: then it says how to see it. Each thing has its own time (`--timeout`), lists are read up to a bound.',
    '',
    'Exit codes: 0 when there is no problem (warnings are none), 1 when there is one, 2 for a bad option. `-o json` and `-o yaml` give `summary` (how many of each) and `findings`,',
    'each with `check`, `result`, `what`, and where there is something `todo`, `objects` (some of) and `count`.',
    '',
    '| option | default | meaning |',
    '|---|---|---|',
    ...options.map(optionRow),
    '',
    '| check | what it looks at |',
    '|---|---|',
    ...CHECKS.map((check) => `| \`${check}\` | ${escape(LOOKS_AT[check])} |`),
    '',
  ];
}

function optionRow({ flags, description, defaultValue, defaultValueDescription }: Option): string {
  const [, text = description, inText] = /^(.*?) \(default: (.*)\)$/.exec(description) ?? [];
  const preset = inText ?? defaultValueDescription ?? (typeof defaultValue === 'string' ? defaultValue : 'none');
  return `| \`${flags}\` | ${escape(preset)} | ${escape(text)} |`;
}
