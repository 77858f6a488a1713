/** What feeds the page at `/`. */
import { hostname, release } from "node:os";

import type { Logger } from "pino";

import { createEventStream, type EventStream } from "../../http/event-stream.js";
import { createFeed } from "../../views/feed.js";
import type { Live } from "../../views/live.js";
import { version } from "../version.js";

export interface PageOptions {
  readonly telemetryPath: string;
  /** Returns the current web configuration: see {@link createEventStream}. */
  readonly currentConfig: (() => unknown) | undefined;
  readonly log: Logger;
}

/** Makes the stream of a running agent, of what is seen in `live`. */
export function pageStream(live: Live, { telemetryPath, currentConfig, log }: PageOptions): EventStream {
  return createEventStream({
    source: createFeed(live, { version, host: hostname(), kernel: release(), metricsPath: telemetryPath }),
    currentConfig,
    onError: (err) => {
      log.error({ err }, "collecting an update for the page failed");
    },
  });
}
