/** What a benchmark is: the contract between scripts/bench/main.ts and the scenarios beside this folder. */

/** How a scenario is to run. */
export interface BenchContext {
  /** At most a minute, ringtap and the cheapest peers only; else what the published figures are made from. */
  readonly quick: boolean;
  /** How often each contender is measured, in turns. */
  readonly rounds: number;
  /** The checkout, an absolute path. */
  readonly root: string;
  /** An empty folder of the scenario's own; removed at the end of the run. */
  readonly scratch: string;
  /** Reports progress on stderr. */
  progress(text: string): void;
  /** Runs `tidy` when the scenario has ended, well or not; last things first. */
  after(tidy: () => unknown): void;
}

/** A table of figures, as text: numbers are formatted by the scenario, with their units in the headings. */
export interface FigureTable {
  /** One line above the table, where a scenario has several. */
  readonly caption?: string;
  readonly headings: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A figure that was set as a target, and what came out. */
export interface Target {
  /** What is measured, such as "drain and aggregate, one TCP record". */
  readonly figure: string;
  /** What it was to reach, such as "≤ 25 ns". */
  readonly wanted: string;
  readonly measured: string;
  /** *Within noise*: the rounds differ too much to tell. */
  readonly reached: "yes" | "no" | "within noise";
}

/** What a scenario found out. Plain data: it is kept as JSON between runs. */
export interface Result {
  readonly tables: readonly FigureTable[];
  readonly targets: readonly Target[];
  /** Versions of the peers and whatever else a reader must know to judge the figures; one sentence or more each. */
  readonly notes: readonly string[];
}

/** One benchmark, one file: `scripts/bench/<name>.ts` exports it as `<name>`, and scripts/bench/main.ts lists it. */
export interface Scenario {
  /** As on the command line. */
  readonly name: string;
  /** The heading of its section. */
  readonly title: string;
  /** What is measured and how, for the page: one paragraph or more. */
  readonly method: string;
  /** Debian packages that its peers need, beside those of `scripts/setup --test`; in quick mode they may be missing. */
  readonly packages: readonly string[];
  run(context: BenchContext): Promise<Result>;
  /** Writes CPU profiles of what it measures into a folder (`--profile`). */
  profile?(context: BenchContext, folder: string): Promise<void>;
}
