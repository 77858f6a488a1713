/** A web configuration that follows its files. */
import { isDeepStrictEqual } from "node:util";
import { createBasicAuth, type Verdict } from "../auth/basic-auth.js";
import type { TlsSettings } from "./tls-settings.js";
import { watchFiles } from "../../config/watched-files.js";
import { readWebConfig, type WebConfig, WebConfigError } from "./web-config.js";

/** The configuration as it stands. */
export interface WebConfigInForce extends WebConfig {
  /** Checks a request's `Authorization`. */
  readonly authenticate: (header?: string) => Promise<Verdict>;
}

export interface LiveWebConfig {
  readonly path: string;
  /**
   * The configuration in force, reread when a file has changed. Files that cannot be used leave the last one in force, and `onError`
   * is told, once. `tls` stays the same object as long as it says the same.
   */
  current: (onError: (error: Error) => void) => WebConfigInForce;
  /** Rereads the files at once, whether or not they seem to have changed. */
  reread: (onError: (error: Error) => void) => void;
}

/** What a server that runs cannot take over. */
function refuseSwitch(before: TlsSettings | undefined, after: TlsSettings | undefined): void {
  if ((before === undefined) !== (after === undefined)) {
    throw new WebConfigError("turning TLS on or off needs a restart");
  }
  if (before?.clients.asked !== after?.clients.asked) {
    throw new WebConfigError("tls_server_config.client_auth_type: a change from or to NoClientCert needs a restart");
  }
}

/** Reads the file at `path`. Throws a {@link WebConfigError} when it cannot be used. */
export function openWebConfig(path: string): LiveWebConfig {
  /** The files of the last attempt. */
  const files = watchFiles();

  function read(): WebConfigInForce {
    files.clear();
    const config = readWebConfig(path, files.note);
    return { ...config, authenticate: createBasicAuth(config.users) };
  }

  let inForce = read();

  function takeOver(): void {
    const { tls, users, authenticate } = inForce;
    const next = read();
    refuseSwitch(tls, next.tls);
    inForce = {
      ...next,
      tls: isDeepStrictEqual(next.tls, tls) ? tls : next.tls,
      authenticate: isDeepStrictEqual(next.users, users) ? authenticate : next.authenticate,
    };
  }

  function reread(onError: (error: Error) => void): void {
    try {
      takeOver();
    } catch (error) {
      onError(
        new Error(`web configuration ${JSON.stringify(path)}: the previous one remains in use`, { cause: error }),
      );
    }
  }

  return {
    path,
    current(onError) {
      if (files.haveChanged()) {
        reread(onError);
      }
      return inForce;
    },
    reread,
  };
}
