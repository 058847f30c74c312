import { createEngine } from "perdure";
import { databaseFile } from "./settings.ts";

/** The runs of a worker that dies go on elsewhere once its lease is over: the default is 10 s, a demo has less time. */
export const engine = createEngine({ store: `sqlite:${databaseFile}`, lease: "1s" });
