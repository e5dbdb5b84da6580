import { compileGlob } from '../../api/image-glob.ts';
import { parseImageReference } from '../../api/image-reference.ts';
import { deadline } from '../../base/abort.ts';
import { messageOf } from '../../base/errors.ts';
import { proxyOf } from '../../trust/environment.ts';
import { anonymousKeychain } from '../../registry/keychain.ts';
import { RegistryError, type RegistryClient, type RepositoryName } from '../../registry/types.ts';
import type { CliContext } from '../context.ts';
import type { DoctorOptions } from '../doctor.ts';
import type { PolicyFacts, RegistryFacts } from './types.ts';

const MAX_HOSTS = 64;
const AT_ONCE = 8;
/** What a repository is asked for where none is known: a registry that answers says that there is none. */
const UNLIKELY = { path: 'assay/doctor', tag: 'reachable' } as const;

/** Asks each registry that policies name, without credentials and otherwise as the operator does. */
export async function registryFacts(policies: readonly PolicyFacts[], { allowHttpRegistry, timeout }: DoctorOptions, context: CliContext): Promise<readonly RegistryFacts[]> {
  const registry = context.createRegistry({ hosts: { allowHttp: allowHttpRegistry }, clock: context.clock, proxy: proxyOf(context.env), userAgent: 'assay-doctor' });
  try {
    const all = questionsOf(policies);
    const answers: RegistryFacts[] = [];
    for (let at = 0; at < all.length; at += AT_ONCE) {
      answers.push(...(await Promise.all(all.slice(at, at + AT_ONCE).map((one) => ask(registry, one, context, timeout)))));
    }
    return answers;
  } finally {
    await registry.close();
  }
}

interface Question {
  readonly repository: RepositoryName;
  readonly tag: string;
}

/** One for each registry: an image that a policy reports, else anything. A glob that leaves the registry open names none. Pure. */
export function questionsOf(policies: readonly PolicyFacts[]): readonly Question[] {
  const questions = new Map<string, Question>();
  for (const { image } of policies) {
    const reference = image === undefined ? undefined : readable(() => parseImageReference(image));
    if (reference === undefined) continue;
    const { host, path, tag = UNLIKELY.tag } = reference;
    questions.set(host, { repository: { host, path }, tag });
  }
  for (const glob of policies.flatMap(({ globs }) => globs)) {
    const host = readable(() => compileGlob(glob))?.segments[0];
    if (host === undefined || host.includes('*') || questions.has(host)) continue;
    questions.set(host, { repository: { host, path: UNLIKELY.path }, tag: UNLIKELY.tag });
  }
  return [...questions.values()].slice(0, MAX_HOSTS);
}

function readable<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    // The policy is not Ready then, and that is told.
    return undefined;
  }
}

const ANSWERS: Readonly<Record<string, RegistryFacts['answer']>> = { NotFound: 'Answers', ManifestInvalid: 'Answers', Unauthorized: 'Unauthorized', Throttled: 'Throttled' };

async function ask(registry: RegistryClient, { repository, tag }: Question, { clock }: CliContext, timeout: number): Promise<RegistryFacts> {
  const { host } = repository;
  const limit = deadline(clock, timeout, `asking ${host}`);
  try {
    await registry.resolveTag(repository, tag, { keychain: anonymousKeychain, signal: limit.signal });
    return { host, answer: 'Answers' };
  } catch (error) {
    const answer = error instanceof RegistryError ? ANSWERS[error.code] : undefined;
    return answer === undefined ? { host, answer: 'Unreachable', why: messageOf(error) } : { host, answer };
  } finally {
    limit.cancel();
  }
}
