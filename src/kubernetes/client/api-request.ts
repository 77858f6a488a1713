/** One GET to the API server. */
import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";

import type { ApiServer } from "./api-server.js";
import { ApiFailure, statusFailure } from "./api-failure.js";
import { textAt } from "./json-path.js";
import { node } from "../../net/node-modules.js";

export interface RequestOptions {
  readonly query: Readonly<Record<string, string>>;
  /** Milliseconds until the answer's headers must be there. */
  readonly responseTimeoutMs: number;
  /** Milliseconds until its body must have ended. */
  readonly bodyTimeoutMs: number;
  /** Gives the request up. */
  readonly signal: AbortSignal;
}

/** How often the kernel asks whether a silent peer is still there, milliseconds: a watch may be silent for minutes. */
const keepAliveDelay = 30_000;

/** Of an error's body, this much is read to quote it, bytes. */
const quotedBody = 4096;

async function credential(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new ApiFailure("credentials", (error as Error).message);
  }
}

/** Sends the request; fulfils with an answer of status 200. */
async function send(server: ApiServer, path: string, options: RequestOptions): Promise<IncomingMessage> {
  const { tokenFile, caFile } = server;
  const token = tokenFile === undefined ? undefined : (await credential(tokenFile)).trim();
  const ca = caFile === undefined ? undefined : await credential(caFile);
  const url = new URL(`${server.url.replace(/\/$/, "")}${path}?${new URLSearchParams(options.query).toString()}`);
  return new Promise((resolve, reject) => {
    const headers = {
      Accept: "application/json",
      "User-Agent": "ringtap",
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    };
    // A connection of its own: requests are rare, and a kept one may be dead by the next.
    const asked = node.https.request(url, {
      headers,
      agent: false,
      signal: options.signal,
      ...(ca === undefined ? {} : { ca }),
    });
    const expire = (after: number, what: string): NodeJS.Timeout =>
      setTimeout(() => asked.destroy(new ApiFailure("timeout", `${what} within ${after} ms`)), after).unref();
    const answerTimer = expire(options.responseTimeoutMs, "no response");
    const endTimer = expire(options.bodyTimeoutMs, "no complete response");
    asked.setSocketKeepAlive(true, keepAliveDelay);
    asked.on("socket", (socket) => socket.unref());
    asked.on("response", (response) => {
      clearTimeout(answerTimer);
      resolve(response);
    });
    asked.on("error", reject);
    asked.on("close", () => {
      clearTimeout(answerTimer);
      clearTimeout(endTimer);
    });
    asked.end();
  });
}

/** What a `Status` object says, or the beginning of whatever the body is. */
async function readErrorMessage(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of response as AsyncIterable<Buffer>) {
    text += chunk.toString();
    if (text.length >= quotedBody) {
      break;
    }
  }
  try {
    return textAt(JSON.parse(text), "message") || text;
  } catch {
    return text.slice(0, quotedBody);
  }
}

/**
 * Asks for `path`, without keeping the process alive; fulfils with the response, its body yet to be read, once its status is known to
 * be 200. Rejects with an {@link ApiFailure}, or with Node's error of the connection. Reading the body may fail in the same ways.
 */
export async function get(server: ApiServer, path: string, options: RequestOptions): Promise<IncomingMessage> {
  const response = await send(server, path, options);
  if (response.statusCode !== 200) {
    throw statusFailure(response.statusCode ?? 0, await readErrorMessage(response));
  }
  return response;
}
