import { styleText } from 'node:util';

/** What a piece of text is, as far as its colour goes. */
export type Tone = 'good' | 'bad' | 'waiting' | 'strong' | 'faint' | 'plain';

const STYLES: Readonly<Record<Tone, Parameters<typeof styleText>[0]>> = {
  good: 'green',
  bad: 'red',
  waiting: 'yellow',
  strong: 'bold',
  faint: 'dim',
  plain: 'reset',
};

/** Text with a tone; a bare string is plain. */
export type Cell = string | { readonly text: string; readonly tone: Tone };

/** Gives text its colour, or leaves it as it is. */
export type Paint = (text: string, tone: Tone) => string;

/** Colours for a terminal; none where output goes elsewhere, or where NO_COLOR is set (https://no-color.org). */
export function painter(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Paint {
  const colours = stream.isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
  if (!colours) return (text) => text;
  return (text, tone) => (tone === 'plain' || text === '' ? text : styleText(STYLES[tone], text, { validateStream: false }));
}

const GAP = '  ';

/** Lines of a table whose columns are as wide as what is in them; the last column is as long as it is. No line ends with blanks. */
export function table(header: readonly string[], rows: readonly (readonly Cell[])[], paint: Paint): string[] {
  const all = [header.map((text): Cell => ({ text, tone: 'faint' })), ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => textOf(row[column]).length)));
  return all.map((row) => {
    const last = row.findLastIndex((cell) => textOf(cell) !== '');
    return row
      .slice(0, last + 1)
      .map((cell, column) => paint(textOf(cell), toneOf(cell)) + (column === last ? '' : ' '.repeat((widths[column] ?? 0) - textOf(cell).length)))
      .join(GAP);
  });
}

function textOf(cell: Cell | undefined): string {
  return typeof cell === 'string' ? cell : (cell?.text ?? '');
}

function toneOf(cell: Cell): Tone {
  return typeof cell === 'string' ? 'plain' : cell.tone;
}

/** Breaks text at blanks into lines of at most `width` characters; a word that is longer has a line of its own. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
