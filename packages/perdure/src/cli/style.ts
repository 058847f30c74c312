/** Colours, where the reader is a terminal that wants them; elsewhere text stays as it is. */

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

const plain = (text: string): string => text;

const plainStyle: Style = { bold: plain, dim: plain, red: plain, green: plain, yellow: plain, cyan: plain };

const colour =
  (on: number, off: number) =>
  (text: string): string =>
    text === "" ? "" : `\u001b[${on}m${text}\u001b[${off}m`;

const colouredStyle: Style = {
  bold: colour(1, 22),
  dim: colour(2, 22),
  red: colour(31, 39),
  green: colour(32, 39),
  yellow: colour(33, 39),
  cyan: colour(36, 39),
};

/** By https://no-color.org any value of `NO_COLOR` but the empty one turns colours off. */
export function createStyle(isTerminal: boolean, env: NodeJS.ProcessEnv = process.env): Style {
  const isWanted = isTerminal && !env["NO_COLOR"] && env["TERM"] !== "dumb";
  return isWanted ? colouredStyle : plainStyle;
}
