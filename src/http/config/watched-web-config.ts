/** A web configuration that is read again when its files have changed. */
import { isDeepStrictEqual } from "node:util";
import { createBasicAuth, type Verdict } from "../auth/basic-auth.js";
import type { TlsSettings } from "./tls-settings.js";
import { watchFiles } from "../../config/watched-files.js";
import { readWebConfig, type WebConfig, WebConfigError } from "./web-config.js";

/** The configuration as it stands. */
export interface CurrentWebConfig extends WebConfig {
  /** Checks a request's `Authorization`. */
  readonly authenticate: (header?: string) => Promise<Verdict>;
}

export interface WatchedWebConfig {
  readonly path: string;
  /**
   * The current configuration, reread when a file has changed. Files that cannot be used leave the previous one in use, and `onError`
   * is called once. `tls` stays the same object as long as it says the same.
   */
  current: (onError: (error: Error) => void) => CurrentWebConfig;
  /** Rereads the files at once, whether or not they seem to have changed. */
  reread: (onError: (error: Error) => void) => void;
}

/** Throws for changes that need a restart. */
function refuseRestartChanges(before: TlsSettings | undefined, after: TlsSettings | undefined): void {
  if ((before === undefined) !== (after === undefined)) {
    throw new WebConfigError("turning TLS on or off needs a restart");
  }
  if (before?.clients.asked !== after?.clients.asked) {
    throw new WebConfigError("tls_server_config.client_auth_type: a change from or to NoClientCert needs a restart");
  }
}

/** Reads the file at `path`. Throws a {@link WebConfigError} when it cannot be used. */
export function watchWebConfig(path: string): WatchedWebConfig {
  /** The files of the last attempt. */
  const files = watchFiles();

  function read(): CurrentWebConfig {
    files.clear();
    const next = readWebConfig(path, files.note);
    return { ...next, authenticate: createBasicAuth(next.users) };
  }

  let config = read();

  function update(): void {
    const { tls, users, authenticate } = config;
    const next = read();
    refuseRestartChanges(tls, next.tls);
    config = {
      ...next,
      tls: isDeepStrictEqual(next.tls, tls) ? tls : next.tls,
      authenticate: isDeepStrictEqual(next.users, users) ? authenticate : next.authenticate,
    };
  }

  function reread(onError: (error: Error) => void): void {
    try {
      update();
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
      return config;
    },
    reread,
  };
}
