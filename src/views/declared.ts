/** What running signals declare to show, as far as their metrics are there. */
import type { Identity } from "../identity/identity.js";
import type { AnyTable } from "../metrics/any-table.js";
import type { Catalog } from "../metrics/catalog.js";
import type { Dimension } from "../metrics/dimension.js";
import type { HistogramTable } from "../metrics/histogram-table.js";
import type { ValueTable } from "../metrics/value-table.js";
import type { Breakdown } from "../sdk/views.js";
import type { SignalViews } from "./protocol.js";
import type { ViewedStatus } from "./viewed-signal.js";

/** The counter or gauge of a name. */
export function valueTable(catalog: Catalog, name: string): ValueTable | undefined {
  const isMeant = (table: AnyTable): table is ValueTable => table.name === name && table.type !== "histogram";
  return [...catalog].find(isMeant);
}

/** The metric of a name: what a column can lie over. */
export function anyTable(catalog: Catalog, name: string): AnyTable | undefined {
  return [...catalog].find((table) => table.name === name);
}

/** The histogram of a name. */
export function histogramTable(catalog: Catalog, name: string): HistogramTable | undefined {
  const isMeant = (table: AnyTable): table is HistogramTable => table.name === name && table.type === "histogram";
  return [...catalog].find(isMeant);
}

/** The counter, gauge or histogram of durations of a name: what a breakdown can lie over. */
function countingTable(catalog: Catalog, name: string): AnyTable | undefined {
  return valueTable(catalog, name) ?? histogramTable(catalog, name);
}

/** Behind the built-in signals, among those without a position in the order in which they run. */
const lastPosition = 1000;

/** The views of signals, and what is wrong with them. */
export interface DeclaredViews {
  /** In the order in which they are shown. */
  readonly views: readonly SignalViews[];
  /** What is left out, and why: for people, one line each. */
  readonly problems: readonly { readonly signal: string; readonly problem: string }[];
}

/**
 * What each signal that runs shows. What lies over a metric that `catalog` does not have in the form needed is left out, and so is
 * what has the key of another signal's.
 */
export function declaredViews(catalog: Catalog, identity: Identity, signals: readonly ViewedStatus[]): DeclaredViews {
  const problems: { signal: string; problem: string }[] = [];
  const owners = new Map<string, string>();

  /** Is this one shown? `table` is the one that it lies over, `subjects` what its rows may belong to. */
  function isShown(
    signal: string,
    what: string,
    metric: string,
    table: { readonly subject: Dimension | undefined } | undefined,
    ...subjects: readonly Dimension[]
  ): boolean {
    const owner = owners.get(what);
    const problem =
      owner !== undefined
        ? `${what} is also one of signal ${owner}`
        : table === undefined
          ? `${what}: there is no metric ${metric} of the type that it needs`
          : !subjects.some((subject) => table.subject === subject)
            ? `${what}: metric ${metric} has another subject`
            : undefined;
    if (problem === undefined) {
      owners.set(what, signal);
    } else {
      problems.push({ signal, problem });
    }
    return problem === undefined;
  }

  const { subjects, comms } = identity;
  const views = signals
    .flatMap(({ name, running }) => {
      const declared = running?.views;
      return declared === undefined ? [] : [{ signal: name, declared }];
    })
    .sort(({ declared: a }, { declared: b }) => (a.position ?? lastPosition) - (b.position ?? lastPosition))
    .map(({ signal, declared }): SignalViews => {
      const { columns = [], latencies = [], breakdown, breakdowns = [], headline = [], isFrequent = false } = declared;
      const shown = columns.filter(({ key, metric }) =>
        isShown(signal, `column ${key}`, metric, anyTable(catalog, metric), subjects),
      );
      const isBrokenDown = ({ title, count }: Breakdown): boolean =>
        isShown(signal, `breakdown ${title}`, count, countingTable(catalog, count), subjects);
      const hasBreakdown = breakdown !== undefined && isBrokenDown(breakdown);
      const further = breakdowns.filter(isBrokenDown);
      return {
        signal,
        isFrequent,
        columns: shown,
        latencies: latencies.filter(({ key, metric }) =>
          isShown(signal, `latency ${key}`, metric, histogramTable(catalog, metric), comms, subjects),
        ),
        ...(hasBreakdown ? { breakdown } : {}),
        ...(further.length > 0 ? { breakdowns: further } : {}),
        headline: headline.filter(({ column, of = column }) =>
          [column, of].every((each) => shown.some(({ key }) => key === each)),
        ),
      };
    });
  return { views, problems };
}
