/** The web configuration of a running agent. */
import type { Logger } from "pino";

import type { LiveWebConfig, WebConfigInForce } from "../exposition/live-web-config.js";

/** The web configuration as it stands, at any time; what is wrong with it is logged. */
export function followWebConfig(live: LiveWebConfig | undefined, log: Logger): (() => WebConfigInForce) | undefined {
  if (live === undefined) {
    return undefined;
  }
  const current = (): WebConfigInForce =>
    live.current((err) => {
      log.error({ err }, "web configuration not taken over");
    });
  for (const warning of current().warnings) {
    log.warn({ file: live.path }, warning);
  }
  return current;
}
