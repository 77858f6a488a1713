/** What feeds the page at `/`. */
import { hostname, release } from "node:os";

import type { Logger } from "pino";

import { createLiveStream, type LiveStream } from "../../http/live-stream.js";
import { createFeed } from "../../views/feed.js";
import type { Live } from "../../views/live.js";
import { version } from "../version.js";

export interface PageOptions {
  readonly telemetryPath: string;
  /** The web configuration in force: see {@link createLiveStream}. */
  readonly inForce: (() => unknown) | undefined;
  readonly log: Logger;
}

/** Makes the stream of a running agent, of what is seen in `live`. */
export function pageStream(live: Live, { telemetryPath, inForce, log }: PageOptions): LiveStream {
  return createLiveStream({
    source: createFeed(live, { version, host: hostname(), kernel: release(), metricsPath: telemetryPath }),
    inForce,
    onError: (err) => {
      log.error({ err }, "collecting an update for the page failed");
    },
  });
}
