/** The tables of a catalog. */
import type { HistogramTable } from "./histogram-table.js";
import type { ValueTable } from "./value-table.js";

/** Any table of a catalog; `type` tells which. */
export type AnyTable = ValueTable | HistogramTable;
