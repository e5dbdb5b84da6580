import { isForbidden } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject, Resource } from '../../kube/object.ts';
import { EXCESSIVE_RIGHTS, isSameRight } from './rights.ts';
import type { Right, RightsFacts } from './types.ts';

const GROUP = { group: 'authorization.k8s.io', version: 'v1', namespaced: false } as const;
const FOR_ANYBODY: Resource = { ...GROUP, plural: 'subjectaccessreviews', kind: 'SubjectAccessReview' };
const FOR_SELF: Resource = { ...GROUP, plural: 'selfsubjectaccessreviews', kind: 'SelfSubjectAccessReview' };
const AT_ONCE = 8;

/** Whose rights are asked for, of which API server. */
export interface RightsQuestion {
  readonly client: KubeClient;
  /** User name of the operator. */
  readonly account: string;
  /** User name of whoever asks. */
  readonly caller: string;
  readonly needed: readonly Right[];
  readonly deadline: number;
}

/**
 * What the operator's account may do of what it needs, and what it may do beyond that, in all namespaces. Who may not ask for others
 * is told of themselves. Rejects with ApiError.
 */
export async function rightsFacts(question: RightsQuestion): Promise<RightsFacts> {
  const { account, caller } = question;
  if (account === caller) return { ...(await answers(question)), asked: 'account' };
  try {
    return { ...(await answers(question, account)), asked: 'account' };
  } catch (error) {
    if (!isForbidden(error)) throw error;
    return { ...(await answers(question)), account: caller, asked: 'caller' };
  }
}

/** Of `user`, or of whoever asks. */
async function answers({ client, account, needed, deadline }: RightsQuestion, user?: string): Promise<Omit<RightsFacts, 'asked'>> {
  const all = [...needed, ...EXCESSIVE_RIGHTS];
  const allowed: Right[] = [];
  for (let at = 0; at < all.length; at += AT_ONCE) {
    const some = all.slice(at, at + AT_ONCE);
    const said = await Promise.all(some.map((right) => ask(client, right, user, deadline)));
    allowed.push(...some.filter((_, index) => said[index]));
  }
  const isAllowed = (right: Right): boolean => allowed.some((one) => isSameRight(one, right));
  const excess = EXCESSIVE_RIGHTS.filter(isAllowed);
  // Whoever may do everything may do each of them.
  const everything = excess.filter(({ verb }) => verb === '*');
  return { account, askedFor: needed.length, missing: needed.filter((right) => !isAllowed(right)), excess: everything.length > 0 ? everything : excess };
}

async function ask(client: KubeClient, { group, resource: path, verb }: Right, user: string | undefined, deadline: number): Promise<boolean> {
  const [resource = '', subresource] = path.split('/');
  const resourceAttributes = { group, resource, verb, ...(subresource === undefined ? {} : { subresource }) };
  const review = user === undefined ? FOR_SELF : FOR_ANYBODY;
  const groups = groupsOf(user ?? '');
  const body = { apiVersion: 'authorization.k8s.io/v1', kind: review.kind, spec: { resourceAttributes, ...(user === undefined ? {} : { user, groups }) } };
  const answer = (await client.create(review, undefined, body, { deadline })) as KubeObject & { status?: { allowed?: unknown } };
  return answer.status?.allowed === true;
}

/** The groups that an authenticator adds to a user; those of a certificate's organizations are not known. */
function groupsOf(user: string): readonly string[] {
  const [, namespace] = /^system:serviceaccount:([^:]+):[^:]+$/.exec(user) ?? [];
  const accounts = namespace === undefined ? [] : ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
  return [...accounts, 'system:authenticated'];
}
