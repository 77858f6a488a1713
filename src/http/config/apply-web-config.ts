/** What a web configuration adds to every response: headers, and authentication. */
import { type Handler, sendText } from "../handler.js";
import type { CurrentWebConfig } from "./watched-web-config.js";

/** Sets the configured headers and calls `handle` for authenticated users only; without a configuration, always. */
export function applyWebConfig(webConfig: (() => CurrentWebConfig) | undefined, handle: Handler): Handler {
  if (webConfig === undefined) {
    return handle;
  }
  return async (request, response) => {
    const { headers, users, authenticate } = webConfig();
    for (const [name, value] of headers) {
      response.setHeader(name, value);
    }
    const verdict = users.size === 0 ? "admitted" : await authenticate(request.headers.authorization);
    if (verdict === "admitted") {
      await handle(request, response);
      return;
    }
    // Unauthenticated clients keep no connection.
    response.setHeader("Connection", "close");
    if (verdict === "busy") {
      response.setHeader("Retry-After", "1");
      sendText(request, response, 503, "too many passwords are being checked: try again in a second");
    } else {
      response.setHeader("WWW-Authenticate", 'Basic realm="ringtap", charset="UTF-8"');
      sendText(
        request,
        response,
        401,
        "authentication required: send a user name and a password with HTTP Basic authentication",
      );
    }
  };
}
