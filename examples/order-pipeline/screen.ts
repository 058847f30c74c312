/** Lines, and below them a progress bar: redrawn in place on a terminal, a line now and then where output is piped. */

const isTerminal = process.stdout.isTTY && process.env["TERM"] !== "dumb";
const hasColours = isTerminal && !process.env["NO_COLOR"];
const barWidth = 30;

let lastBar = "";
let lastFifth = 0;

export function print(text = ""): void {
  process.stdout.write(`${isTerminal ? "\r\x1b[K" : ""}${text}\n${lastBar}`);
}

export function drawProgress(done: number, total: number, text: string): void {
  const part = done / Math.max(total, 1);
  if (!isTerminal) {
    if (Math.floor(part * 5) > lastFifth) print(`  ${text}`);
    lastFifth = Math.floor(part * 5);
    return;
  }
  const filled = Math.round(part * barWidth);
  const bar = `${green("█".repeat(filled))}${dim("░".repeat(barWidth - filled))}`;
  // A line that is too long would wrap, and could not be redrawn.
  const room = (process.stdout.columns || 80) - barWidth - 5;
  lastBar = `  ${bar}  ${text.slice(0, Math.max(0, room))}`;
  process.stdout.write(`\r\x1b[K${lastBar}`);
}

export function endProgress(): void {
  lastBar = "";
  if (isTerminal) process.stdout.write("\r\x1b[K");
}

export const green = (text: string): string => colour(32, text);
export const red = (text: string): string => colour(31, text);
export const bold = (text: string): string => colour(1, text);
export const dim = (text: string): string => colour(2, text);

function colour(code: number, text: string): string {
  return hasColours ? `\x1b[${code}m${text}\x1b[0m` : text;
}
