export interface BugSwitches {
  restIsSkipped: boolean;
}
export interface PlantedBug {
  name: string;
  restIsSkipped?: boolean;
  wrapStore?: (
    store: import("../../store.ts").Store,
    random: import("./random.ts").Random,
  ) => import("../../store.ts").Store;
  patch?: () => () => void;
}
