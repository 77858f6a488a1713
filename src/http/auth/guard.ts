/** What a web configuration puts before every answer: headers, and the question for a password. */
import { type Handler, sendText } from "../answer.js";
import type { WebConfigInForce } from "../config/live-web-config.js";

/** Sets the configured headers and lets only known users on to `handle`; without a configuration, everyone. */
export function guarded(webConfig: (() => WebConfigInForce) | undefined, handle: Handler): Handler {
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
    // Strangers keep no connection.
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
