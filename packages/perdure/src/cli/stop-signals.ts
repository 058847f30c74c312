/** Ctrl-C and its kin. The library installs no handlers; the command line does, here. */

const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
export type StopSignal = keyof typeof exitCodes;

/** Calls back at the first signal. A second one ends the process at once, after `onSecond`. Returns what listens no more. */
export function onStopSignal(
  onFirst: (signal: StopSignal) => void,
  onSecond: () => void = () => undefined,
): () => void {
  let isStopping = false;
  const listener = (signal: NodeJS.Signals): void => {
    if (isStopping) {
      onSecond();
      process.exit(exitCodes[signal as StopSignal]);
    }
    isStopping = true;
    onFirst(signal as StopSignal);
  };
  const signals = Object.keys(exitCodes) as StopSignal[];
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.off(signal, listener);
  };
}

/** Keeps the process alive until it is let go: an idle worker does not. */
export function keepAlive(): () => void {
  const timer = setInterval(() => undefined, 2 ** 30);
  return () => clearInterval(timer);
}
