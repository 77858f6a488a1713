/** What the chart asks Prometheus. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { readDocument } from "../docs/documents.js";
import { type Finding, promtool } from "../exposition/promtool.js";

/** Gives promtool files, by name, and lets it check the first; what further arguments there are come after that. */
export function checkFiles(
  command: readonly string[],
  files: Readonly<Record<string, string>>,
  ...further: readonly string[]
): Finding {
  const folder = mkdtempSync(join(tmpdir(), "ringtap-promtool-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(folder, name), text);
    }
    const [first = ""] = Object.keys(files);
    return promtool([...command, join(folder, first), ...further]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The metrics of docs/metrics.md, with the names that histograms' series have: the metric's own where they are native. */
function documentedMetrics(): ReadonlySet<string> {
  const metrics = new Set<string>();
  for (const [row, first = ""] of readDocument("docs/metrics.md").matchAll(/^\| `(\w+)` \|.*$/gm)) {
    const names = Array.from(row.matchAll(/`((?:ringtap|process|nodejs)_\w+)`/g), ([, name = ""]) => name);
    for (const name of row.includes("| histogram")
      ? [first, ...["bucket", "sum", "count"].map((part) => `${first}_${part}`)]
      : names) {
      metrics.add(name);
    }
  }
  return metrics;
}

const metrics = documentedMetrics();

/** The names in a query that could be metrics' and are in no table of docs/metrics.md. */
export function undocumented(query: string): readonly string[] {
  const bare = query.replace(/"[^"]*"|\{[^}]*\}|\[[^\]]*\]/g, " ").replace(/\b(by|on|without)\s*\([^)]*\)/g, " ");
  const names = Array.from(bare.matchAll(/\b[a-z]\w*_\w+\b(?!\s*\()/g), ([name]) => name);
  return names.filter((name) => !metrics.has(name));
}

/** The documented metrics that a query names. */
export function metricsOf(query: string): readonly string[] {
  return Array.from(query.matchAll(/\b[a-z]\w*\b/g), ([name]) => name).filter((name) => metrics.has(name));
}
