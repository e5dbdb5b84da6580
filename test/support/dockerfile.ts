/** `COPY SOURCE… DEST`, with the stage it copies from, if any. */
export interface Copy {
  readonly from: string | undefined;
  readonly sources: readonly string[];
  readonly destination: string;
}

/** One stage of a Dockerfile, as far as tests look at it. */
export interface Stage {
  /** `ARG` values filled in. */
  readonly image: string;
  readonly name: string | undefined;
  readonly workdir: string | undefined;
  readonly copies: readonly Copy[];
  /** Commands in shell form. */
  readonly runs: readonly string[];
  readonly user: string | undefined;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
}

/** Reads what our Dockerfile is made of; throws at an instruction that it does not know, so that no test looks past one. */
export function parseDockerfile(text: string): readonly Stage[] {
  const args = new Map<string, string>();
  const stages: { -readonly [Member in keyof Stage]: Stage[Member] }[] = [];
  for (const line of instructions(text)) {
    const [word, rest] = split(line);
    const stage = stages.at(-1);
    if (word === 'ARG') {
      const [name = '', value = ''] = rest.split(/=(.*)/s);
      args.set(name, value);
    } else if (word === 'FROM') {
      const [, image = '', name] = /^(?:--platform=\S+ )?(\S+)(?: AS (\S+))?$/.exec(rest) ?? [];
      const filled = image.replaceAll(/\$\{(\w+)\}/g, (_, arg: string) => args.get(arg) ?? '');
      stages.push({ image: filled, name, workdir: undefined, copies: [], runs: [], user: undefined, entrypoint: [], cmd: [] });
    } else if (stage === undefined) throw new Error(`${word} before FROM`);
    else if (word === 'WORKDIR') stage.workdir = rest;
    else if (word === 'COPY') stage.copies = [...stage.copies, copyOf(rest)];
    else if (word === 'RUN') stage.runs = [...stage.runs, rest];
    else if (word === 'USER') stage.user = rest;
    else if (word === 'ENTRYPOINT') stage.entrypoint = JSON.parse(rest) as string[];
    else if (word === 'CMD') stage.cmd = JSON.parse(rest) as string[];
    else if (!['LABEL', 'EXPOSE'].includes(word)) throw new Error(`${word} is not understood here`);
  }
  return stages;
}

/** Whether `.dockerignore` of the form "nothing but …" (`*`, then `!path` lines) lets a path into the build. */
export function letIn(dockerignore: string, path: string): boolean {
  const lines = dockerignore.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  if (lines[0] !== '*') throw new Error('.dockerignore does not begin with *');
  const allowed = lines.slice(1).map((line) => {
    if (!line.startsWith('!') || line.includes('*')) throw new Error(`${line} is not understood here`);
    return line.slice(1);
  });
  return allowed.some((one) => path === one || path.startsWith(`${one}/`));
}

function instructions(text: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '');
}

function split(line: string): readonly [string, string] {
  const [, word = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
  return [word, rest];
}

function copyOf(rest: string): Copy {
  const parts = rest.split(/\s+/);
  const from = /^--from=(\S+)$/.exec(parts[0] ?? '')?.[1];
  const paths = from === undefined ? parts : parts.slice(1);
  return { from, sources: paths.slice(0, -1), destination: paths.at(-1) ?? '' };
}
