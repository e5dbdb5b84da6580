import { setImmediate as nextTurn } from 'node:timers/promises';
import { RegistryError } from '../../registry/types.ts';
import type { Candidate } from '../../signatures/types.ts';
import type { Evidence } from '../evidence-types.ts';
import type { HoldBytes } from '../evidence.ts';
import type { WireEvidence } from './protocol.ts';

/** Bytes that are copied in one go; more would be felt by whoever waits for the thread. */
const AT_ONCE = 1024 * 1024;

/** Evidence as it can be sent to another thread. */
export function toWire({ failures, ...evidence }: Evidence): WireEvidence {
  return { ...evidence, failures: failures.map(({ code, message }) => ({ code, message })) };
}

/** Evidence that came from another thread, in memory of this one's own: what was checked cannot change any more, whoever else sees it. */
export function fromWire({ failures, ...evidence }: WireEvidence): Evidence {
  return {
    ...evidence,
    candidates: mapBytes(evidence.candidates, own),
    failures: failures.map(({ code, message }) => new RegistryError(code, message)),
  };
}

/** Moves the bytes of candidates to memory that other threads see, so that sending them copies nothing; lets others run in between. */
export const holdShared: HoldBytes = async (candidates) => {
  let copied = 0;
  for (const bytes of new Set(candidates.flatMap(bytesOf))) {
    if (isShared(bytes)) continue;
    const view = new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
    for (let from = 0; from < bytes.byteLength; from += AT_ONCE) {
      const part = bytes.subarray(from, from + AT_ONCE);
      view.set(part, from);
      copied += part.byteLength;
      if (copied < AT_ONCE) continue;
      copied = 0;
      await nextTurn();
    }
    shared.set(bytes, view);
  }
  return mapBytes(candidates, (bytes) => shared.get(bytes) ?? bytes);
};

/** Of bytes that several candidates have in common there is one copy. */
const shared = new WeakMap<Uint8Array, Uint8Array>();

function own(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function isShared(bytes: Uint8Array): boolean {
  return bytes.buffer instanceof SharedArrayBuffer;
}

function bytesOf(candidate: Candidate): Uint8Array[] {
  return Object.values(candidate).filter((value) => value instanceof Uint8Array);
}

/** Candidates with other bytes; which of their members are bytes differs by format. */
function mapBytes(candidates: readonly Candidate[], to: (bytes: Uint8Array) => Uint8Array): readonly Candidate[] {
  const known = new Map<Uint8Array, Uint8Array>();
  const mapped = (bytes: Uint8Array): Uint8Array => {
    const made = known.get(bytes) ?? to(bytes);
    known.set(bytes, made);
    return made;
  };
  return candidates.map((candidate) => {
    const members = Object.entries(candidate).map(([name, value]: [string, unknown]) => [name, value instanceof Uint8Array ? mapped(value) : value]);
    return Object.fromEntries(members) as Candidate;
  });
}
