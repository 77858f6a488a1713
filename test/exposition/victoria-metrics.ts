/** A real vmagent that scrapes, and the VictoriaMetrics that it writes to. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { freePort } from "../../scripts/bench/lib/free-port.js";
import { startDebianServer } from "./debian-server.js";

/** Starts a VictoriaMetrics; returns its address, which answers Prometheus's HTTP API. */
export async function startVictoriaMetrics(context: Pick<TestContext, "after">): Promise<string> {
  const address = `127.0.0.1:${await freePort()}`;
  await startDebianServer(context, "victoria-metrics", ({ seen }) => [
    `-httpListenAddr=${address}`,
    `-storageDataPath=${join(seen, "data")}`,
    // What has been written is in answers at once.
    "-search.latencyOffset=0s",
    "-search.disableCache",
  ]);
  return address;
}

/** Starts a vmagent that scrapes as `configuration` says and writes to `address`; `flags` are more of its flags. */
export async function startVmagent(
  context: Pick<TestContext, "after">,
  address: string,
  configuration: Readonly<Record<string, unknown>>,
  flags: readonly string[] = [],
): Promise<void> {
  const own = `127.0.0.1:${await freePort()}`;
  await startDebianServer(context, "vmagent", async ({ path, seen }) => {
    // JSON is YAML.
    await writeFile(join(path, "scrape.yml"), JSON.stringify(configuration));
    return [
      `-httpListenAddr=${own}`,
      `-promscrape.config=${join(seen, "scrape.yml")}`,
      `-remoteWrite.url=http://${address}/api/v1/write`,
      `-remoteWrite.tmpDataPath=${join(seen, "queue")}`,
      ...flags,
    ];
  });
}
