import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A package of which something is in the bundle. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX expression; empty where the package does not say. */
  readonly licence: string;
  /** The texts of its licence and notice files. */
  readonly texts: readonly string[];
}

const PACKAGE = /^(?<folder>(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+)\//;

/** The packages that these inputs of a bundle come from, by name and version. */
export function bundledPackages(inputs: readonly string[], root: string): readonly BundledPackage[] {
  const folders = new Set(inputs.map((input) => PACKAGE.exec(input)?.groups?.['folder']).filter((folder) => folder !== undefined));
  const packages = [...folders].map((folder) => readPackage(join(root, folder)));
  return packages.toSorted((a, b) => `${a.name}@${a.version}`.localeCompare(`${b.name}@${b.version}`, 'en'));
}

function readPackage(folder: string): BundledPackage {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => /^(licen[cs]e|notice|copying)([.-].*)?$/i.test(name)) : [];
  return {
    name: String(manifest['name']),
    version: String(manifest['version']),
    licence: typeof manifest['license'] === 'string' ? manifest['license'] : '',
    texts: files.toSorted().map((name) => readFileSync(join(folder, name), 'utf8').trim()),
  };
}

/** What is to be handed out with the bundle. */
export function licenceText(packages: readonly BundledPackage[]): string {
  const rule = '-'.repeat(80);
  const head = `Assay is made with the packages below. Each is under its own licence.\n`;
  const sections = packages.map(({ name, version, licence, texts }) =>
    [rule, `${name} ${version} (${licence})`, '', ...(texts.length === 0 ? ['No licence file comes with this package.'] : texts)].join('\n'),
  );
  return `${[head, ...sections].join('\n')}\n`;
}
