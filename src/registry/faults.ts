/** Why no answer was had. `address`: our own rules refused to connect. */
export type Fault = 'reset' | 'refused' | 'name' | 'certificate' | 'tls' | 'timeout' | 'address' | 'proxy' | 'headers' | 'protocol' | 'closed' | 'other';

const FAULTS: readonly (readonly [Fault, RegExp, string])[] = [
  ['reset', /^(?:ECONNRESET|EPIPE|ECONNABORTED|ERR_STREAM_PREMATURE_CLOSE)$/, 'the connection ended before the answer did'],
  ['refused', /^(?:ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|EADDRNOTAVAIL)$/, 'nothing answers at its address'],
  ['name', /^(?:ENOTFOUND|EAI_[A-Z]+)$/, 'its name cannot be resolved'],
  ['timeout', /^ETIMEDOUT$/, 'it did not answer in time'],
  ['headers', /^HPE_HEADER_OVERFLOW$/, 'its response headers are too large'],
  ['proxy', /^ERR_PROXY_/, 'the proxy makes no connection to it'],
  ['certificate', /^(?:CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|ERR_TLS_CERT_)/, 'its TLS certificate is not trusted'],
  ['tls', /^(?:EPROTO|ERR_SSL_|ERR_TLS_)/, 'TLS failed: it may speak plain http'],
  ['protocol', /^HPE_/, 'its answer is not HTTP'],
];

/** The error codes (or, without one, the names) of a thrown value, of its causes, and of what it gathers (happy eyeballs), at most four deep. */
function* codesOf(thrown: unknown, depth = 0): Generator<string> {
  if (!(thrown instanceof Error) || depth > 4) return;
  if ('code' in thrown && typeof thrown.code === 'string') yield thrown.code;
  else yield thrown.name;
  yield* codesOf(thrown.cause, depth + 1);
  if (thrown instanceof AggregateError) for (const one of thrown.errors as unknown[]) yield* codesOf(one, depth + 1);
}

/** Which fault a network error is, and how it is told. */
export function faultOf(thrown: unknown): readonly [Fault, string] {
  for (const code of codesOf(thrown)) {
    const [fault, , text] = FAULTS.find(([, pattern]) => pattern.test(code)) ?? [];
    if (fault !== undefined && text !== undefined) return [fault, `${text} (${code})`];
  }
  return ['other', 'the request failed'];
}
