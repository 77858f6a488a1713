/** The two requests by which a resource is followed: what there is (list), and what has changed since (watch). */
import type { IncomingMessage } from "node:http";

import { ApiFailure, statusFailure } from "./api-failure.js";
import { readListItems } from "./list-items.js";
import { at, textAt } from "./json-path.js";
import { readLines } from "./body-lines.js";

/** An object as it came; `uid` is never used again for another one. */
export interface ApiObject {
  readonly uid: string;
  readonly resourceVersion: string;
  /** The whole object, parsed; nothing but `metadata.uid` and `metadata.resourceVersion` has been checked. */
  readonly value: unknown;
}

export interface Page {
  readonly resourceVersion: string;
  /** Asks for the next page; empty on the last one. */
  readonly continueToken: string;
}

/** `undefined` stands for an object that was too large. */
export type WatchEvent =
  | { readonly type: "put" | "remove"; readonly object: ApiObject }
  | { readonly type: "bookmark"; readonly resourceVersion: string };

/**
 * Bytes of one object, as JSON. etcd takes requests of 1.5 MiB (its `--max-request-bytes`), in which the object lies in a form that
 * is half as long.
 */
const longestObject = 4 * 2 ** 20;

const eventTypes: Readonly<Record<string, "put" | "remove">> = { ADDED: "put", MODIFIED: "put", DELETED: "remove" };

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ApiFailure("bad_json", (error as Error).message);
  }
}

function readVersion(value: unknown): string {
  const resourceVersion = textAt(value, "metadata", "resourceVersion");
  if (resourceVersion === "") {
    throw new ApiFailure("bad_json", "no metadata.resourceVersion");
  }
  return resourceVersion;
}

function readObject(value: unknown): ApiObject {
  const uid = textAt(value, "metadata", "uid");
  if (uid === "") {
    throw new ApiFailure("bad_json", "an object has no metadata.uid");
  }
  return { uid, resourceVersion: readVersion(value), value };
}

/** Reads the answer to a list, object by object; undefined in place of one that is too large. Throws an ApiFailure. */
export async function readPage(
  response: IncomingMessage,
  take: (object: ApiObject | undefined) => void,
): Promise<Page> {
  const frame = await readListItems(response as AsyncIterable<Buffer>, longestObject, (text) =>
    take(text === undefined ? undefined : readObject(parse(text))),
  );
  const list = parse(frame);
  return { resourceVersion: readVersion(list), continueToken: textAt(list, "metadata", "continue") };
}

/** Reads the answer to a watch until it ends; undefined in place of an event that is too large. Throws an ApiFailure. */
export async function* readEvents(response: IncomingMessage): AsyncGenerator<WatchEvent | undefined> {
  for await (const line of readLines(response as AsyncIterable<Buffer>, longestObject)) {
    yield line === undefined ? undefined : readEvent(parse(line));
  }
}

function readEvent(event: unknown): WatchEvent {
  const name = textAt(event, "type");
  const value = at(event, "object");
  if (name === "ERROR") {
    const code = at(value, "code");
    throw statusFailure(typeof code === "number" ? code : 0, textAt(value, "message"));
  }
  if (name === "BOOKMARK") {
    return { type: "bookmark", resourceVersion: readVersion(value) };
  }
  const type = eventTypes[name];
  if (type === undefined) {
    throw new ApiFailure("bad_json", `an event of type ${JSON.stringify(name)}`);
  }
  return { type, object: readObject(value) };
}
