/** Environment variables as a source of flags. */
import type { Source } from "./flags.js";

/** The environment variable of a flag: `web.listen-address` is `RINGTAP_WEB_LISTEN_ADDRESS`. */
export function environmentVariable(flagName: string): string {
  return `RINGTAP_${flagName.toUpperCase().replace(/[.-]/g, "_")}`;
}

/**
 * Reads flags from environment variables. An empty variable counts as unset, as templates leave them. Unknown `RINGTAP_*`
 * variables pass: Kubernetes sets some (`RINGTAP_PORT`, …) in every pod beside a service named ringtap.
 */
export function environmentSource(environment: Readonly<NodeJS.ProcessEnv>): Source {
  return (flag) => {
    const variable = environmentVariable(flag.name);
    const text = environment[variable];
    if (text === undefined || text === "") {
      return undefined;
    }
    return { texts: flag.split(text), origin: `environment variable ${variable}` };
  };
}
