/** Response headers: lower-case names; several fields of one name as a list. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** One header; several of one name are joined as RFC 9110 §5.3 says. */
export function header(headers: Headers, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/** The media type of a `Content-Type` without its parameters, in lower case. */
export function mediaTypeOf(headers: Headers): string {
  return (header(headers, 'content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

const DAY = 86_400_000;
const HTTP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** Milliseconds from `now` that a `Retry-After` asks for (RFC 9110 §10.2.3), at most a day; absent where it is malformed. */
export function retryAfterOf(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,10}$/.test(value)) return Math.min(Number(value) * 1000, DAY);
  if (!HTTP_DATE.test(value)) return undefined;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.min(Math.max(0, at - now), DAY);
}

/** The target of the link with relation `next` in a `Link` header (RFC 8288), as it was written. */
export function nextLinkOf(value: string | undefined): string | undefined {
  if (value === undefined || value.length > 8192) return undefined;
  const link = /<([^<>]*)>((?:\s*;\s*[A-Za-z*]+\s*=\s*(?:"[^"]*"|[^\s;,"]+))*)/g;
  for (const [, target, parameters = ''] of value.matchAll(link)) {
    const relation = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i.exec(parameters);
    const relations = (relation?.[1] ?? relation?.[2] ?? '').toLowerCase().split(/\s+/);
    if (relations.includes('next')) return target;
  }
  return undefined;
}
