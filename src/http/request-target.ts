/** What a request asks for: its target and its precondition. */
import type { IncomingMessage } from "node:http";

/** The target of a request, in origin-form (`/metrics?x=1`) or absolute-form (`http://host/metrics`, as proxies get it): RFC 9112, 3.2. */
export interface RequestTarget {
  /** Without the query; `/` when there is none. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Whom it is meant for, `name`, `name:port` or `[address]:port`: an absolute-form says so instead of the header `Host`. */
  readonly host: string | undefined;
}

const absoluteForm = /^https?:\/\/([^/?#]*)/i;

/** Reads the target of a request. */
export function requestTarget({ url = "/", headers }: Pick<IncomingMessage, "url" | "headers">): RequestTarget {
  const [scheme = "", authority] = absoluteForm.exec(url) ?? [];
  const rest = url.slice(scheme.length);
  const at = rest.indexOf("?");
  const path = at < 0 ? rest : rest.slice(0, at);
  return {
    path: path === "" ? "/" : path,
    query: new URLSearchParams(at < 0 ? "" : rest.slice(at + 1)),
    host: authority ?? headers.host,
  };
}

/** Does `If-None-Match` name this entity tag? Weak tags count as strong ones, and `*` as each: RFC 9110, 13.1.2. */
export function namesEntityTag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) {
    return false;
  }
  return ifNoneMatch.trim() === "*" || [...ifNoneMatch.matchAll(/"[^"]*"/g)].some(([tag]) => tag === etag);
}
