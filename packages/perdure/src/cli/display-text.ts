/**
 * Text of users' data, made fit to be shown.
 *
 * X1. Nothing that a user's data holds can move the cursor, colour the terminal, or turn the direction of writing.
 * X2. Widths are counted in columns of a terminal.
 */
import { stripVTControlCharacters } from "node:util";

const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
const invisible = /[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/** One line without control characters. */
export function printable(text: string): string {
  return printableLines(text).replace(/[\n\t\u2028\u2029]+/g, " ");
}

/** Line breaks and tabs stay; all other control characters go. */
export function printableLines(text: string): string {
  return stripVTControlCharacters(text.replace(/\r\n?/g, "\n"))
    .replace(controls, "")
    .replace(invisible, "")
    .replace(/\p{Surrogate}/gu, "\ufffd");
}

const zeroWidth = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const doubleWidth =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]$/u;

function characterWidth(character: string): number {
  if (character <= "\u00ff") return 1;
  if (zeroWidth.test(character)) return 0;
  return doubleWidth.test(character) ? 2 : 1;
}

/** Columns that the text takes; colours take none. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(text)) width += characterWidth(character);
  return width;
}

/** The text in at most so many columns, with a `…` where it was cut. Not for coloured text. */
export function shorten(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  let width = 0;
  let kept = "";
  for (const character of text) {
    width += characterWidth(character);
    if (width > columns - 1) break;
    kept += character;
  }
  return `${kept.trimEnd()}…`;
}

export function padEnd(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - textWidth(text)));
}

export function padStart(text: string, columns: number): string {
  return " ".repeat(Math.max(0, columns - textWidth(text))) + text;
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
