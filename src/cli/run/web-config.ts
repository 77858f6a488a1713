/** The web configuration of a running agent. */
import type { Logger } from "pino";

import type { WatchedWebConfig, CurrentWebConfig } from "../../http/config/watched-web-config.js";

/** A web configuration in use; what is wrong with it is logged. */
export interface FollowedWebConfig {
  /** As it stands, at any time. */
  readonly current: () => CurrentWebConfig;
  /** Reads it anew at once. */
  readonly reread: () => void;
}

/** Follows a web configuration, if there is one. */
export function followWebConfig(live: WatchedWebConfig | undefined, log: Logger): FollowedWebConfig | undefined {
  if (live === undefined) {
    return undefined;
  }
  const logError = (err: Error): void => {
    log.error({ err }, "web configuration not reloaded");
  };
  const current = (): CurrentWebConfig => live.current(logError);
  for (const warning of current().warnings) {
    log.warn({ file: live.path }, warning);
  }
  return {
    current,
    reread: () => {
      live.reread(logError);
    },
  };
}
