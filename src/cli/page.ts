/** What feeds the page at `/`. */
import { hostname, release } from "node:os";

import type { Logger } from "pino";

import { createLiveStream, type LiveStream } from "../exposition/live-stream.js";
import { createFeed } from "../live/feed.js";
import { createLive } from "../live/live.js";
import type { Engine } from "../signals/engine.js";
import type { PeerDirectory } from "../signals/peers.js";
import { describeError } from "../agent/error-text.js";
import type { SignalSet } from "../agent/signal-set.js";
import { wallClock } from "../live/clock.js";
import { version } from "./version.js";

export interface PageOptions {
  readonly peers: PeerDirectory | undefined;
  readonly telemetryPath: string;
  /** The web configuration in force: see {@link createLiveStream}. */
  readonly inForce: (() => unknown) | undefined;
  readonly log: Logger;
}

/** Makes the stream of a running agent. */
export function pageStream(set: SignalSet, engine: Engine, options: PageOptions): LiveStream {
  const { peers, telemetryPath, inForce, log } = options;
  const clock = wallClock();
  const live = createLive({
    catalog: set.catalog,
    identity: set.identity,
    signals: set.statuses.map(({ name, running, error }) =>
      running === undefined ? { name, problem: describeError(error) } : { name, running },
    ),
    collect: () => engine.collect(),
    peers,
    utc: (time) => clock.utc(time),
  });
  return createLiveStream({
    source: createFeed(live, { version, host: hostname(), kernel: release(), metricsPath: telemetryPath }),
    inForce,
    onError: (err) => {
      log.error({ err }, "looking at the agent for the page failed");
    },
  });
}
