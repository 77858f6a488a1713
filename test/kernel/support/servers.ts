/** Servers of Debian's packages, as children of the test. */
import type { ChildProcess } from "node:child_process";
import { type AddressInfo, connect, createServer } from "node:net";

import { eventually } from "./eventually.js";

/** A TCP port of the loopback that no one listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Resolves once something listens on the port of the loopback, or at the path of a Unix socket. */
export async function listening(at: number | string): Promise<void> {
  await eventually(async () => {
    await new Promise<void>((resolve, reject) => {
      const socket = typeof at === "string" ? connect(at) : connect(at, "127.0.0.1");
      socket
        .on("connect", () => {
          socket.destroy();
          resolve();
        })
        .on("error", reject);
    });
  });
}

/** Ends a child by SIGTERM, and resolves once it has ended. */
export async function end(child: ChildProcess): Promise<void> {
  const closed = new Promise((resolve) => child.once("close", resolve));
  child.kill("SIGTERM");
  await closed;
}
