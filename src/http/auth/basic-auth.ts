/** Basic authentication (RFC 7617) against hashes of bcrypt. */
import { once } from "node:events";
import type { Comparison } from "./bcrypt-worker.js";
import { node } from "../../net/node-modules.js";

/** The result of checking a request's `Authorization`. `busy`: too many others are being checked; try again later. */
export type Verdict = "admitted" | "refused" | "busy";

/** Logins that may be under way, the one being checked among them. */
const maxPending = 16;

interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Reads `Basic <base64 of user:password>`. What is not UTF-8 is refused rather than guessed. */
function parseCredentials(header: string | undefined): Credentials | undefined {
  const [, encoded] = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header ?? "") ?? [];
  if (encoded === undefined) {
    return undefined;
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(encoded, "base64"));
    const colon = text.indexOf(":");
    return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
  } catch {
    return undefined;
  }
}

async function compare(comparison: Comparison): Promise<boolean> {
  const worker = new node.workers.Worker(new URL("./bcrypt-worker.js", import.meta.url), { workerData: comparison });
  // The agent does not wait for it when it ends.
  worker.unref();
  const [matches] = (await once(worker, "message")) as [boolean];
  return matches;
}

/** A hash that takes as long as those of real users, for names that are none: the time of a response does not reveal which users exist. */
function decoyHash(users: ReadonlyMap<string, string>): string {
  const [first = ""] = users.values();
  return first.slice(0, "$2b$10$".length).padEnd("$2b$10$".length + 53, ".");
}

/**
 * Checks logins of these users. One password is compared at a time, outside the main thread, and few may wait: so that guessing
 * passwords takes one core at most. Passwords that were right are kept as a keyed digest, so that a scrape costs no comparison.
 */
export function createBasicAuth(users: ReadonlyMap<string, string>): (header?: string) => Promise<Verdict> {
  const secret = node.crypto.randomBytes(32);
  const proven = new Map<string, string>();
  const pending = new Map<string, Promise<boolean>>();
  const decoy = decoyHash(users);
  let last: Promise<unknown> = Promise.resolve();

  function compareInTurn(comparison: Comparison): Promise<boolean> {
    const turn = last.then(() => compare(comparison));
    last = turn.catch(() => undefined);
    return turn;
  }

  return async (header) => {
    const credentials = parseCredentials(header);
    if (credentials === undefined) {
      return "refused";
    }
    const { user, password } = credentials;
    const digest = node.crypto
      .createHmac("sha256", secret)
      .update(JSON.stringify([user, password]))
      .digest("base64");
    if (proven.get(user) === digest) {
      return "admitted";
    }
    let check = pending.get(digest);
    if (check === undefined) {
      if (pending.size >= maxPending) {
        return "busy";
      }
      check = compareInTurn({ password, hash: users.get(user) ?? decoy }).finally(() => pending.delete(digest));
      pending.set(digest, check);
    }
    if (!(await check) || !users.has(user)) {
      return "refused";
    }
    proven.set(user, digest);
    return "admitted";
  };
}
