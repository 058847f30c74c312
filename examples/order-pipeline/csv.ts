/**
 * Reads CSV as it is found in the wild: RFC 4180, any line ending, with a byte order mark or without.
 *
 * No line is lost: one whose quotes make no sense becomes a record with a flaw, and reading goes on with the
 * next line.
 */

export interface CsvRecord {
  /** The line of the file on which the record begins; a quoted field may go on over several. */
  line: number;
  fields: string[];
  /** What makes the record unreadable, if anything does. */
  flaw?: string;
}

/** Every record of the file, the header included. Lines without anything on them are none. */
export function parseCsv(bytes: Uint8Array): CsvRecord[] {
  const text = new TextDecoder().decode(bytes).replace(/\r\n?/g, "\n");
  const records: CsvRecord[] = [];
  let start = 0;
  let line = 1;
  while (start < text.length) {
    const { fields, flaw, end } = readRecord(text, start);
    if (text.slice(start, end).trim() !== "") records.push({ line, fields, ...(flaw && { flaw }) });
    line += text.slice(start, end).split("\n").length;
    start = end + 1;
  }
  return records;
}

const plainField = /[^,\n]*/y;
const quotedField = /"([^"]*(?:""[^"]*)*)" *(?=[,\n]|$)/y;

function readRecord(text: string, start: number): { fields: string[]; flaw?: string; end: number } {
  const fields: string[] = [];
  const lineEnd = text.indexOf("\n", start);
  for (let position = start; ; position++) {
    const pattern = text[position] === '"' ? quotedField : plainField;
    pattern.lastIndex = position;
    const [all, quoted] = pattern.exec(text) ?? [];
    if (all === undefined) {
      return { fields, flaw: "a quote is never closed", end: lineEnd === -1 ? text.length : lineEnd };
    }
    fields.push((quoted?.replaceAll('""', '"') ?? all).trim());
    position += all.length;
    if (text[position] === ",") continue;
    // The decoder puts this character where bytes are not UTF-8.
    const isDamaged = fields.some((field) => field.includes("\uFFFD"));
    return { fields, ...(isDamaged && { flaw: "it is not UTF-8" }), end: position };
  }
}
