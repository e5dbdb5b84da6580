import { dateText, durationText, sayer } from './findings.ts';
import type { AccessFacts, Facts, Failure, Finding, ServerFacts } from './types.ts';

const DAY = 86_400_000;
const SOON = 14 * DAY;
/** Signed times are compared with ours, and tokens have little leeway. */
const SKEW = { warning: 10_000, problem: 120_000 } as const;
const OLDEST_MINOR = 30;

/** Whether there is a configuration that can be used. */
export function checkConfiguration({ access }: Facts): readonly Finding[] {
  const say = sayer('configuration');
  if (!access.seen) return [say('problem', access.why)];
  const { source, context, server, insecure } = access.value;
  if (insecure) {
    return [say('warning', `${source}, context ${context}: the certificate of ${server} is not checked`, "put the server's authority into certificate-authority-data, and remove insecure-skip-tls-verify")];
  }
  return [say('ok', `${source}, context ${context}, server ${server}`)];
}

const REMEDIES: Readonly<Record<Failure, string>> = {
  address: 'check the server address and context, that the API server runs, and what is between (proxy, VPN, firewall): curl -k SERVER/version',
  tls: "put the authority of the API server's certificate into certificate-authority-data: openssl s_client -connect HOST:PORT -showcerts shows who issued it",
  credentials: 'renew them: sign in again, kubectl create token, or have a new client certificate issued',
  answer: 'look into the log of the API server; what answers may also be something in front of it',
};
const AT: Readonly<Record<Failure, string>> = {
  address: 'it cannot be reached',
  tls: 'it is not trusted',
  credentials: 'it does not accept the credentials',
  answer: 'it does not answer as it should',
};

/** Whether the API server is there, is the right one, and lets us in: of what failed only the first. */
export function checkServer({ server, access }: Facts): readonly Finding[] {
  const say = sayer('server');
  if (server === undefined) return [];
  if (server.reached) return [say('ok', `${access.seen ? access.value.server : 'the API server'} answers in ${server.milliseconds} ms`)];
  return [say('problem', `${AT[server.at]}: ${server.why}`, REMEDIES[server.at].replace('SERVER', access.seen ? access.value.server : 'SERVER'))];
}

/** Whether the clocks agree. */
export function checkClock({ server }: Facts): readonly Finding[] {
  const say = sayer('clock');
  if (server?.reached !== true) return [];
  const { skew } = server;
  if (skew === undefined) return [say('unseen', 'the API server did not say what time it is', "compare date -u here and on the API server's machine")];
  const off = Math.abs(skew);
  if (off < SKEW.warning) return [say('ok', 'the clocks of the API server and of this machine agree')];
  const todo = 'have both synchronize their clocks (chronyc tracking, timedatectl): certificates, tokens and signed times are judged by them';
  return [say(off < SKEW.problem ? 'warning' : 'problem', `the clock of the API server is ${durationText(off)} ${skew > 0 ? 'ahead of' : 'behind'} this machine's`, todo)];
}

/** Whether the credentials go on counting. */
export function checkCredentials({ access, caller, now }: Facts): readonly Finding[] {
  const say = sayer('credentials');
  if (!access.seen) return [];
  const { expires } = access.value;
  if (expires !== undefined && expires.at - now < SOON) return [expiring(expires, now)];
  if (caller === undefined) return [];
  if (!caller.seen) return [say('unseen', `the API server does not say who we are: ${caller.why}`, 'kubectl auth whoami')];
  if (caller.value === 'system:anonymous') return [say('problem', 'the API server takes us for nobody (system:anonymous): there are no credentials, or it does not know them', REMEDIES.credentials)];
  const until = expires === undefined ? '' : `; the ${expires.of} is good until ${dateText(expires.at)}`;
  return [say('ok', `we are ${caller.value}${until}`)];
}

function expiring({ of, at }: NonNullable<AccessFacts['expires']>, now: number): Finding {
  const say = sayer('credentials');
  const todo = 'renew it before: docs/install.md says how the kubeconfig of the operator is made';
  if (at <= now) return say('problem', `the ${of} has expired ${durationText(now - at)} ago, on ${dateText(at)}`, todo.replace(' before', ''));
  // A credential plugin's token lives for minutes, and is renewed by itself.
  if (of === 'token' && at - now < DAY) return say('ok', `the token is good for another ${durationText(at - now)}, unless it is renewed`);
  return say('warning', `the ${of} expires in ${durationText(at - now)}, on ${dateText(at)}`, todo);
}

/** Whether Kubernetes is new enough. */
export function checkVersion({ server }: Facts): readonly Finding[] {
  const say = sayer('version');
  if (server?.reached !== true) return [];
  const [, major = '', minor = ''] = /^v?(\d+)\.(\d+)/.exec(server.version) ?? [];
  if (minor === '') return [say('unseen', `${JSON.stringify(server.version)} is no version of Kubernetes`, `it should be 1.${OLDEST_MINOR} or newer: kubectl version`)];
  if (Number(major) > 1 || Number(minor) >= OLDEST_MINOR) return [say('ok', `Kubernetes ${server.version}`)];
  return [say('problem', `Kubernetes ${server.version} is older than 1.${OLDEST_MINOR}`, `upgrade it; on Karmada, upgrade karmada-apiserver (Karmada 1.13 or newer)`)];
}

/** What is not looked at where the API server does not let us in. */
export function checkRest({ server, caller }: Facts): readonly Finding[] {
  const say = sayer('server');
  if (letsIn(server) && caller !== undefined) return [];
  if (server === undefined) return [];
  return [say('unseen', 'definitions, rights, policies and Karmada were not looked at', 'call it again when the API server lets you in')];
}

function letsIn(server: ServerFacts | undefined): boolean {
  return server?.reached === true;
}

