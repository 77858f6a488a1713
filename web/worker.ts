/** The worker that all tabs of a browser share, as long as one of them is open: it has their streams. */
import { Hub } from "./hub.js";

const hub = new Hub();

// A page that connects. TypeScript's library for workers cannot be had beside the one for pages.
globalThis.addEventListener("connect", (event) => {
  const [port] = (event as MessageEvent).ports;
  if (port !== undefined) {
    hub.connect(port);
  }
});
