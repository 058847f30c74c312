/**
 * Texts on their way into SQLite and out of it.
 *
 * X1. Every text of JavaScript comes back as it was, from a file that another version of Node wrote too.
 * X2. A text that SQLite keeps anyway is stored as it is: an escape is only for what it would change.
 *
 * What it would change: the drivers of Node 20 and 22 end a text at its first NUL when they read it, and UTF-8 has no code for half a
 * surrogate pair.
 */

/** Not a character of any text that people write, and so rarely doubled. */
const escape = "\u0001";

export function encodeText(text: string): string {
  if (!text.includes("\0") && !text.includes(escape) && isWellFormed(text)) return text;
  let encoded = "";
  for (const character of text) {
    if (character === "\0") encoded += `${escape}0`;
    else if (character === escape) encoded += escape + escape;
    else if (isWellFormed(character)) encoded += character;
    else encoded += `${escape}u${character.charCodeAt(0).toString(16)}`;
  }
  return encoded;
}

export function decodeText(text: string): string {
  if (!text.includes(escape)) return text;
  return text.replace(escaped, (_all, kind: string) => {
    if (kind === "0") return "\0";
    return kind === escape ? escape : String.fromCharCode(parseInt(kind.slice(1), 16));
  });
}

const escaped = /\u0001(0|\u0001|u[0-9a-f]{4})/g;

/** In Node since version 20, and not yet in the language level that the types are for. */
function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}
