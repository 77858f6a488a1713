/** A web configuration that follows its files. */
import { type Stats, statSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { createBasicAuth, type Verdict } from "./basic-auth.js";
import type { TlsSettings } from "./tls-settings.js";
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
}

/**
 * How long a file must have been left alone, milliseconds. One that is rewritten in place is for a moment shorter than it should
 * be, perhaps by the users.
 */
const settlingTime = 200;

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** Tells one state of a file from another. */
function stampOf(stats: Stats | undefined): string {
  return stats === undefined ? "" : [stats.dev, stats.ino, stats.size, stats.mtimeMs, stats.ctimeMs].join();
}

function isSettling(stats: Stats | undefined, now: number): boolean {
  const age = now - (stats?.ctimeMs ?? 0);
  return age >= 0 && age < settlingTime;
}

/** What a server that runs cannot take over. */
function refuseSwitch(before: TlsSettings | undefined, after: TlsSettings | undefined): void {
  if ((before === undefined) !== (after === undefined)) {
    throw new WebConfigError("TLS is turned on or off by a restart only");
  }
  if (before?.clients.asked !== after?.clients.asked) {
    throw new WebConfigError("tls_server_config.client_auth_type: from or to NoClientCert by a restart only");
  }
}

/** Reads the file at `path`. Throws a {@link WebConfigError} when it cannot be used. */
export function openWebConfig(path: string): LiveWebConfig {
  /** The files of the last attempt as they were just before they were read. */
  let stamps = new Map<string, string>();

  function read(): WebConfigInForce {
    stamps = new Map();
    const config = readWebConfig(path, (file) => stamps.set(file, stampOf(statOf(file))));
    return { ...config, authenticate: createBasicAuth(config.users) };
  }

  function hasChanged(): boolean {
    const now = Date.now();
    let changed = false;
    for (const [file, stamp] of stamps) {
      const stats = statOf(file);
      if (isSettling(stats, now)) {
        return false;
      }
      changed ||= stampOf(stats) !== stamp;
    }
    return changed;
  }

  let inForce = read();

  function reread(): void {
    const { tls, users, authenticate } = inForce;
    const next = read();
    refuseSwitch(tls, next.tls);
    inForce = {
      ...next,
      tls: isDeepStrictEqual(next.tls, tls) ? tls : next.tls,
      authenticate: isDeepStrictEqual(next.users, users) ? authenticate : next.authenticate,
    };
  }

  return {
    path,
    current(onError) {
      if (hasChanged()) {
        try {
          reread();
        } catch (error) {
          onError(
            new Error(`web configuration ${JSON.stringify(path)}: the last one stays in force`, { cause: error }),
          );
        }
      }
      return inForce;
    },
  };
}
