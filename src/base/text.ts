/** What could steer a terminal or turn the direction of what follows: control, format, private and half characters. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu;

/** Text that others may have written, with everything spelt out (`\u{1b}`) that is not to be seen or does more than that. */
export function printable(text: string): string {
  return text.replaceAll(UNSAFE, (unsafe) => `\\u{${unsafe.codePointAt(0)?.toString(16)}}`);
}
