/** Rows in columns, without lines around them: to be read by people, and cut by programs. */
import { padEnd, shorten, textWidth } from "./display-text.ts";
import type { Style } from "./style.ts";

export interface Column<Row> {
  title: string;
  /** Plain and printable. */
  text: (row: Row) => string;
  style?: (text: string, row: Row) => string;
  align?: "right";
  /** Gives way when the terminal is too narrow, down to its title. */
  gives?: boolean;
}

const gap = "  ";

/** @param columnsOfTerminal Infinity when nothing is to be cut. */
export function formatTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  options: { style: Style; columnsOfTerminal: number },
): string[] {
  const texts = rows.map((row) => columns.map((column) => column.text(row)));
  const shown = columns.map((_, index) => texts.some((cells) => cells[index] !== ""));
  const widths = columns.map((column, index) =>
    Math.max(textWidth(column.title), ...texts.map((cells) => textWidth(cells[index]!))),
  );
  fitWidths(columns, widths, shown, options.columnsOfTerminal);
  const last = shown.lastIndexOf(true);
  const layOut = (cells: readonly string[], paint: (text: string, index: number) => string): string =>
    cells
      .flatMap((cell, index) => {
        if (!shown[index]) return [];
        const text = shorten(cell, widths[index]!);
        const padding = " ".repeat(Math.max(0, widths[index]! - textWidth(text)));
        const painted = paint(text, index);
        if (columns[index]!.align === "right") return [padding + painted];
        return [index === last ? painted : painted + padding];
      })
      .join(gap)
      .trimEnd();
  const head = layOut(
    columns.map(({ title }) => title),
    (text) => options.style.dim(text),
  );
  const body = rows.map((row, rowIndex) =>
    layOut(texts[rowIndex]!, (text, index) => columns[index]!.style?.(text, row) ?? text),
  );
  return [head, ...body];
}

function fitWidths(
  columns: readonly Column<never>[],
  widths: number[],
  shown: readonly boolean[],
  limit: number,
): void {
  const total = (): number =>
    widths.reduce((sum, width, index) => sum + (shown[index] ? width + gap.length : 0), -gap.length);
  while (total() > limit) {
    const widest = columns
      .map(({ gives, title }, index) => ({ gives, index, least: textWidth(title) }))
      .filter(({ gives, index, least }) => gives && shown[index] && widths[index]! > least)
      .sort((a, b) => widths[b.index]! - widths[a.index]!)[0];
    if (!widest) return;
    widths[widest.index]! -= 1;
  }
}

/** Names and values below each other. */
export function formatFields(fields: readonly [name: string, value: string][], style: Style): string[] {
  const width = Math.max(...fields.map(([name]) => textWidth(name)));
  return fields.map(([name, value]) => `${style.dim(padEnd(name, width))}  ${value}`);
}
