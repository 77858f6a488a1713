/**
 * Writes what Grafana and Prometheus are given: deploy/grafana/, from scripts/dashboards/, and what the chart has of it and of
 * deploy/prometheus/. The chart has copies because Helm sees files within a chart only, and Flux leaves symbolic links out.
 *
 *   node dist/scripts/generate/dashboards.js            write
 *   node dist/scripts/generate/dashboards.js --check    exit 1 when something differs
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { format } from "prettier";

import { agent } from "../dashboards/agent.js";
import { databases } from "../dashboards/databases.js";
import { node } from "../dashboards/node.js";
import { program } from "../dashboards/program.js";
import { services } from "../dashboards/services.js";
import { syscalls } from "../dashboards/syscalls.js";
import { tcp } from "../dashboards/tcp.js";

const root = new URL("../../..", import.meta.url).pathname;
const grafana = "deploy/grafana";
const chart = "deploy/helm/ringtap/files";
const rules = "ringtap.rules.yaml";

/** Every file that is written, by path. */
async function files(): Promise<ReadonlyMap<string, string>> {
  const written = new Map<string, string>();
  for (const dashboard of [node, program, services, databases, tcp, syscalls, agent]) {
    const json = JSON.stringify(dashboard);
    const name = `${dashboard.uid ?? ""}.json`;
    written.set(`${grafana}/${name}`, await format(json, { parser: "json", printWidth: 120 }));
    // On one line: a ConfigMap has room for a megabyte.
    written.set(`${chart}/${name}`, `${json}\n`);
  }
  written.set(`${chart}/${rules}`, readFileSync(join(root, "deploy/prometheus", rules), "utf8"));
  return written;
}

/** What lies in a folder of the checkout. */
function listed(folder: string): readonly string[] {
  const path = join(root, folder);
  return existsSync(path) ? readdirSync(path).map((name) => `${folder}/${name}`) : [];
}

const expected = await files();
const found = [grafana, chart].flatMap(listed);
const surplus = found.filter((path) => !expected.has(path));
const stale = [...expected].filter(
  ([path, text]) => !found.includes(path) || readFileSync(join(root, path), "utf8") !== text,
);

if (process.argv.includes("--check")) {
  for (const path of [...surplus, ...stale.map(([path]) => path)]) {
    process.stderr.write(`${path} is stale: npm run dashboards\n`);
    process.exitCode = 1;
  }
} else {
  surplus.forEach((path) => {
    rmSync(join(root, path));
  });
  stale.forEach(([path, text]) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  });
}
