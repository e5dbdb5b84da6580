import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Candidate } from '../../src/signatures/types.ts';

/** One line of a corpus' `cases.jsonl`, with what the real cosign printed. */
export interface CorpusCase {
  readonly id: string;
  readonly kind: string;
  /** Without a registry's host. */
  readonly ref: string;
  readonly args: readonly string[];
  readonly expect: { readonly exit: number; readonly count?: number; readonly digest?: string; readonly subject?: string; readonly issuer?: string };
  readonly why: string;
  readonly stderr: string;
  readonly stdout: string;
}

/** Signed images with cosign's answers; outside of the repository, so that it may be absent. */
export interface Corpus {
  readonly cases: readonly CorpusCase[];
  /** A file that a case's arguments name. */
  file(path: string): string;
  /** Digest that a reference resolves to; undefined for an unknown tag. */
  resolve(ref: string): string | undefined;
  /** Layers of the `.sig` tag whose payload is what its digest says. */
  legacy(ref: string): readonly Candidate[];
  /** Layers of bundle referrers, by cosign's rule: exactly one layer of a bundle's media type. */
  bundles(ref: string): readonly Candidate[];
}

const SHARED = join(import.meta.dirname, '../../../shared/corpus');

/** Undefined where the corpus is absent: a test then says so and is skipped. */
export function corpus(name: 'signatures' | 'cosign-local'): Corpus | undefined {
  const folder = join(SHARED, name);
  if (!existsSync(join(folder, 'cases.jsonl'))) return undefined;
  const files = readTar(readFileSync(join(folder, 'registry.tar')));
  const recorded = new Map(readLines(folder, 'recorded.jsonl').map((line) => [line.id, line]));
  const cases = readLines(folder, 'cases.jsonl').map((line) => ({ ...line, stderr: recorded.get(line.id)?.stderr ?? '', stdout: recorded.get(line.id)?.stdout ?? '' }));
  const referrers = indexReferrers(files);
  return {
    cases,
    file: (path) => readFileSync(join(folder, path), 'utf8'),
    resolve: (ref) => resolve(files, ref),
    legacy: (ref) => legacy(files, ref),
    bundles: (ref) => (referrers.get(`${split(ref).repository} ${resolve(files, ref)}`) ?? []).flatMap((manifest) => bundle(files, split(ref).repository, manifest)),
  };
}

type Files = ReadonlyMap<string, Buffer>;

interface Manifest {
  readonly layers?: readonly { readonly digest: string; readonly mediaType: string; readonly annotations?: Record<string, string> }[];
  readonly subject?: { readonly digest: string };
}

function readLines(folder: string, file: string): CorpusCase[] {
  return readFileSync(join(folder, file), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as CorpusCase);
}

/** Plain ustar, as POSIX.1-1988 has it: 512-byte headers, name and prefix, octal size. */
function readTar(tar: Buffer): Files {
  const files = new Map<string, Buffer>();
  const text = (at: number, length: number): string => tar.toString('utf8', at, at + length).split('\0', 1)[0] ?? '';
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    const prefix = text(at + 345, 155);
    const name = prefix === '' ? text(at, 100) : `${prefix}/${text(at, 100)}`;
    files.set(name, tar.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

function split(ref: string): { repository: string; reference: string } {
  const at = ref.indexOf('@');
  if (at >= 0) return { repository: ref.slice(0, at).replace(/:[^:/]*$/, ''), reference: ref.slice(at + 1) };
  const colon = ref.lastIndexOf(':');
  return colon > ref.lastIndexOf('/') ? { repository: ref.slice(0, colon), reference: ref.slice(colon + 1) } : { repository: ref, reference: 'latest' };
}

function resolve(files: Files, ref: string): string | undefined {
  const { repository, reference } = split(ref);
  if (reference.startsWith('sha256:')) return reference;
  const manifest = files.get(`registry/${repository}/manifests/${reference}`);
  return manifest === undefined ? undefined : digestOf(manifest);
}

function legacy(files: Files, ref: string): Candidate[] {
  const { repository } = split(ref);
  const tag = `${resolve(files, ref)?.replace(':', '-')}.sig`;
  const bytes = files.get(`registry/${repository}/manifests/${tag}`);
  if (bytes === undefined) return [];
  const manifest = JSON.parse(bytes.toString('utf8')) as Manifest;
  return (manifest.layers ?? []).flatMap(({ digest, annotations = {} }, index): Candidate[] => {
    const payload = blob(files, repository, digest);
    return payload === undefined ? [] : [{ format: 'legacy', location: `${repository}:${tag}, layer ${index}`, payload, annotations }];
  });
}

function bundle(files: Files, repository: string, manifest: Manifest): Candidate[] {
  const [layer, ...more] = manifest.layers ?? [];
  if (layer === undefined || more.length > 0 || !layer.mediaType.startsWith('application/vnd.dev.sigstore.bundle')) return [];
  const bytes = blob(files, repository, layer.digest);
  return bytes === undefined ? [] : [{ format: 'bundle', location: `${repository}@${layer.digest}`, bytes }];
}

function blob(files: Files, repository: string, digest: string): Buffer | undefined {
  const bytes = files.get(`registry/${repository}/blobs/${digest.replace(':', '-')}`);
  return bytes !== undefined && digestOf(bytes) === digest ? bytes : undefined;
}

function indexReferrers(files: Files): ReadonlyMap<string, Manifest[]> {
  const referrers = new Map<string, Manifest[]>();
  for (const [name, bytes] of files) {
    const [, repository] = /^registry\/(.+)\/manifests\/sha256:[0-9a-f]{64}$/.exec(name) ?? [];
    if (repository === undefined) continue;
    const manifest = JSON.parse(bytes.toString('utf8')) as Manifest;
    if (manifest.subject === undefined) continue;
    const key = `${repository} ${manifest.subject.digest}`;
    referrers.set(key, [...(referrers.get(key) ?? []), manifest]);
  }
  return referrers;
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
