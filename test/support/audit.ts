import { readFileSync } from 'node:fs';

/** A request that the API server answered, from its audit log. */
export interface AuditEvent {
  readonly user: string;
  /** get, list, watch, create, update, patch, delete, deletecollection. */
  readonly verb: string;
  /** Empty for the core group. */
  readonly group: string;
  /** With its subresource: `deployments`, `imageverifications/status`. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  /** The HTTP status of the answer. */
  readonly code: number;
  /** When the request came, milliseconds since the epoch. */
  readonly at: number;
}

const WRITES = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

interface Line {
  readonly user: { readonly username: string };
  readonly verb: string;
  readonly objectRef?: { readonly apiGroup?: string; readonly resource?: string; readonly subresource?: string; readonly namespace?: string; readonly name?: string };
  readonly responseStatus?: { readonly code?: number };
  readonly requestReceivedTimestamp: string;
}

/**
 * What `user` asked since `since` (milliseconds; default the beginning). The API server writes an event before it answers, so a request
 * whose answer came is here; a watch is here once it ended. The controllers' own requests are not recorded.
 */
export function auditEvents(auditLog: string, user: string, since = 0): AuditEvent[] {
  const lines = readFileSync(auditLog, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => eventOf(JSON.parse(line) as Line)).filter((event) => event.user === user && event.at >= since);
}

/** Only the requests that change something: create, update, patch, delete. */
export function auditWrites(auditLog: string, user: string, since = 0): AuditEvent[] {
  return auditEvents(auditLog, user, since).filter(({ verb }) => WRITES.has(verb));
}

function eventOf({ user, verb, objectRef = {}, responseStatus, requestReceivedTimestamp }: Line): AuditEvent {
  const { apiGroup: group = '', resource = '', subresource, namespace = '', name = '' } = objectRef;
  return {
    user: user.username,
    verb,
    group,
    resource: subresource === undefined ? resource : `${resource}/${subresource}`,
    namespace,
    name,
    code: responseStatus?.code ?? 0,
    at: Date.parse(requestReceivedTimestamp),
  };
}
