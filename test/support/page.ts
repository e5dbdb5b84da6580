import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A part of a page that is not prose: commands as a person types them, an object, or what is printed. */
export interface Block {
  readonly type: 'commands' | 'yaml' | 'output';
  readonly text: string;
  /** The heading that it stands under. */
  readonly section: string;
}

/** The text of a page of the documentation. */
export function page(path: string): string {
  return readFileSync(join(import.meta.dirname, '../..', path), 'utf8');
}

/** The blocks of a page in their order: what is fenced, and what is indented by four blanks, which are commands. Inside of a list they are indented by eight. */
export function blocksOf(text: string): Block[] {
  const blocks: { type: Block['type']; lines: string[]; section: string }[] = [];
  let [section, fenced, indent] = ['', false, ''];
  for (const line of text.split('\n')) {
    const last = blocks.at(-1);
    if (line.startsWith('```')) {
      if (!fenced) blocks.push({ type: line === '```yaml' ? 'yaml' : 'output', lines: [], section });
      [fenced, indent] = [!fenced, ''];
    } else if (fenced || (indent !== '' && line.startsWith(indent))) {
      last?.lines.push(line.slice(indent.length));
    } else {
      indent = /^(?: {8}| {4})(?=\S)/.exec(line)?.[0] ?? '';
      if (indent !== '') blocks.push({ type: 'commands', lines: [line.slice(indent.length)], section });
      section = /^#+ (.+)$/.exec(line)?.[1] ?? section;
    }
  }
  return blocks.map(({ type, lines, section: of }) => ({ type, text: `${lines.join('\n')}\n`, section: of }));
}

/** The rows of the first table of a section, without its head, as the words that are written as code in each cell. */
export function codeTable(text: string, section: string): readonly (readonly (readonly string[])[])[] {
  const [, rest = ''] = text.split(`\n## ${section}\n`);
  const lines = rest.split('\n');
  const start = lines.findIndex((line) => line.startsWith('|---'));
  const end = lines.findIndex((line, at) => at > start && !line.startsWith('|'));
  return lines.slice(start + 1, end).map((row) => row.split('|').slice(1, -1).map((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word)));
}
