/** Answers that are text, and what answers. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";

/** Answers one request. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** Answers with a whole body; a HEAD gets its headers alone. */
function send(request: IncomingMessage, response: ServerResponse, status: number, type: string, body: string): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, {
    "Content-Type": type,
    "Content-Length": bytes.length,
    "X-Content-Type-Options": "nosniff",
  });
  response.end(request.method === "HEAD" ? undefined : bytes);
}

/** Answers with one or more lines. */
export function sendText(request: IncomingMessage, response: ServerResponse, status: number, text: string): void {
  send(request, response, status, "text/plain; charset=utf-8", `${text}\n`);
}

/** A whole answer of plain text, for a connection that has no response to write to. */
export function rawAnswer(status: number, text: string): string {
  const body = `${text}\n`;
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
    "",
    body,
  ].join("\r\n");
}
