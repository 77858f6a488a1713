/** Running the agent, and reading its metrics. */
import assert from "node:assert/strict";

import { type Ringtap, type RunOptions, startRingtap } from "./ringtap.js";
import { parseSamples, type Samples } from "./samples.js";
import type { Scope } from "./scope.js";

/** `ringtap run` that serves. */
export interface Agent extends Ringtap {
  /** Without a path: `http://127.0.0.1:PORT`. */
  readonly origin: string;
  /** Fetches a path. */
  get(path: string): Promise<Response>;
  /** The metrics as they stand: every value by the exact text of its series. */
  scrape(): Promise<Samples>;
}

/**
 * Flags by which nothing is counted under `~other` for want of series, whatever else runs on the machine, and by which the series of
 * processes that have ended stay: two scrapes can be compared, however long the machine takes between them.
 */
export const unlimitedSeries = [
  "--series-limit=1000000",
  "--total-series-limit=10000000",
  "--body-limit=1GiB",
  "--scrape-interval=1h",
];

/** Starts `ringtap run <args>` on a free port and waits until it serves, everything attached. */
export async function startAgent(scope: Scope, args: readonly string[] = [], options: RunOptions = {}): Promise<Agent> {
  const child = startRingtap(scope, ["run", "--web.listen-address=127.0.0.1:0", ...args], options);
  const origin = await served(child);
  const get = (path: string): Promise<Response> => fetch(`${origin}${path}`);
  const scrape = async (): Promise<Samples> => {
    const response = await get("/metrics");
    assert.equal(response.status, 200);
    return parseSamples(await response.text());
  };
  return Object.assign(child, { origin, get, scrape });
}

async function served(child: Ringtap): Promise<string> {
  const exited = child.exited.then(({ status }) => {
    throw new Error(`ringtap run exited with ${String(status)}:\n${child.stderr}`);
  });
  const [, origin = ""] = await Promise.race([child.said(/(http:\/\/127\.0\.0\.1:\d+)/), exited]);
  return origin;
}
