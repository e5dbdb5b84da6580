/** Before a `/` these mean that a regular expression begins, not a division. */
const BEFORE_REGEXP = /(?:^|[=(,;:!&|?{}[\]+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|delete|throw|await|yield))\s*$/;

/**
 * The same text with comments, and the contents of strings, templates and regular expressions, replaced by blanks, line by line and column by
 * column: what is left is code. What stands in `${…}` of a template is code too. `keepStrings` leaves strings in quotes as they are.
 */
export function codeOnly(text: string, { keepStrings = false }: { readonly keepStrings?: boolean } = {}): string {
  let out = '';
  let at = 0;
  /** For each template that is open, how many braces are open inside of its `${`. */
  const templates: number[] = [];
  const blank = (end: number): void => {
    out += text.slice(at, end).replaceAll(/[^\n]/g, ' ');
    at = end;
  };
  const keep = (end: number): void => {
    out += text.slice(at, end);
    at = end;
  };
  const template = (): void => {
    const end = endOfTemplate(text, at);
    blank(end);
    if (text.slice(end - 2, end) === '${') templates.push(0);
  };
  while (at < text.length) {
    const rest = text.slice(at, at + 2);
    const character = rest[0] ?? '';
    if (rest === '//') blank(endOf(text, '\n', at));
    else if (rest === '/*') blank(Math.min(text.length, endOf(text, '*/', at + 2) + 2));
    else if (character === "'" || character === '"') {
      const end = endOfQuoted(text, at, character);
      if (keepStrings) keep(end);
      else blank(end);
    } else if (character === '/' && BEFORE_REGEXP.test(out.slice(-80))) blank(endOfRegExp(text, at));
    else if (character === '`') {
      blank(at + 1);
      template();
    } else if (character === '}' && templates.at(-1) === 0) {
      templates.pop();
      blank(at + 1);
      template();
    } else {
      if (templates.length > 0 && character === '{') templates.push((templates.pop() ?? 0) + 1);
      if (templates.length > 0 && character === '}') templates.push((templates.pop() ?? 1) - 1);
      keep(at + 1);
    }
  }
  return out;
}

function endOf(text: string, what: string, from: number): number {
  const found = text.indexOf(what, from);
  return found === -1 ? text.length : found;
}

function endOfQuoted(text: string, from: number, quote: string): number {
  let at = from + 1;
  while (at < text.length && text[at] !== quote && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
  return Math.min(text.length, at + 1);
}

function endOfRegExp(text: string, from: number): number {
  let at = from + 1;
  let inClass = false;
  while (at < text.length && text[at] !== '\n' && (inClass || text[at] !== '/')) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '[') inClass = true;
    else if (text[at] === ']') inClass = false;
    at += 1;
  }
  return Math.min(text.length, at + 1);
}

/** Past the closing backtick, or past the next `${`. */
function endOfTemplate(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    if (text[at] === '\\') at += 2;
    else if (text[at] === '`') return at + 1;
    else if (text[at] === '$' && text[at + 1] === '{') return at + 2;
    else at += 1;
  }
  return text.length;
}
