/** The page at `/`, for a person who follows a link to the agent: files of its own, and nothing from elsewhere. */
import { readdirSync, readFileSync } from "node:fs";
import { extname } from "node:path";
import type { Handler } from "./handler.js";
import { namesEntityTag } from "./request-target.js";
import { node } from "../net/node-modules.js";

/** The page's own scripts, worker, styles and stream, no markup out of strings, and nothing else: no other request, no frame. */
const securityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types ringtap-worker",
].join("; ");

const contentTypes: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** `dist/`. */
const root = new URL("../../", import.meta.url);

/** What the page consists of, and the modules that it shares with the agent: below `/page/` as below `dist/`, as they import each other. */
const folders = ["web/", "src/views/shared/"];

function entityTag(body: Buffer): string {
  return `"${node.crypto.createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
}

/** Answers with a file that is kept in memory, or with 304 for a client that has it already. */
function fileHandler(body: Buffer, contentType: string): Handler {
  let etag = "";
  return (request, response) => {
    etag ||= entityTag(body);
    const isKnown = namesEntityTag(request.headers["if-none-match"], etag);
    response.writeHead(isKnown ? 304 : 200, {
      "Content-Security-Policy": securityPolicy,
      "Cross-Origin-Resource-Policy": "same-origin",
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff",
      "Cache-Control": "no-cache",
      ETag: etag,
      ...(isKnown ? {} : { "Content-Type": contentType, "Content-Length": body.length }),
    });
    response.end(isKnown || request.method === "HEAD" ? undefined : body);
  };
}

/** The paths of the page and what answers there: `/`, and `/page/<folder>/<file>` for what it consists of. */
export function pageRoutes(): [path: string, handler: Handler][] {
  const files = folders.flatMap((folder) => readdirSync(new URL(folder, root)).map((name) => `${folder}${name}`));
  return files.flatMap((file): [string, Handler][] => {
    const contentType = contentTypes[extname(file)];
    if (contentType === undefined) {
      return [];
    }
    const handler = fileHandler(readFileSync(new URL(file, root)), contentType);
    return [[file === "web/index.html" ? "/" : `/page/${file}`, handler]];
  });
}
