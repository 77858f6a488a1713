/**
 * Protection from DNS rebinding: a web page of somebody else's, whose name is made to resolve to 127.0.0.1, could read what a browser on
 * this machine reaches. Its requests carry that name in `Host`, where those that are meant for a loopback address carry the address.
 */
import { isIP } from "node:net";
import { type Handler, sendText } from "./handler.js";
import { requestTarget } from "./request-target.js";

/** The host of `name:port` or `[address]:port`, in lower case, without brackets and the dot that may end a name. */
function hostName(host: string): string {
  const [, bracketed, bare = ""] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host) ?? [];
  return (bracketed ?? bare).toLowerCase().replace(/\.$/, "");
}

/** May a request for `host` be answered by a listener on a loopback address? */
function isAllowedHost(host: string, allowed: readonly string[]): boolean {
  const name = hostName(host);
  return (
    isIP(name) !== 0 ||
    name === "localhost" ||
    name.endsWith(".localhost") ||
    allowed.some((one) => one === "*" || one.toLowerCase() === name)
  );
}

/** Answers 403 to requests for a host that is neither an address, nor localhost, nor allowed; without a `Host` they pass: no browser sends those. */
export function allowingHosts(allowed: readonly string[], handle: Handler): Handler {
  return (request, response) => {
    const { host } = requestTarget(request);
    if (host === undefined || isAllowedHost(host, allowed)) {
      return handle(request, response);
    }
    response.setHeader("Connection", "close");
    sendText(
      request,
      response,
      403,
      `host ${JSON.stringify(host)} is not allowed on a loopback address: add its name to --web.allowed-hosts`,
    );
    return undefined;
  };
}
