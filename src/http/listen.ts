/** Listening at an address, and ending it. */
import { lstatSync, unlinkSync } from "node:fs";
import type { Server } from "node:http";
import { connect } from "node:net";
import { type ListenAddress, listenError } from "../net/listen-address.js";

function tryListen(server: Server, { options }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** Is this the socket of a program that has ended without removing it? Nothing but such a one refuses connections. */
function isLeftOver(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code === "ECONNREFUSED" && lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true);
    });
  });
}

/** Begins to listen. A Unix socket that an earlier run has left is replaced. Rejects with an error that says what to do. */
export async function listen(server: Server, address: ListenAddress): Promise<void> {
  try {
    try {
      await tryListen(server, address);
    } catch (error) {
      const { options } = address;
      const path = "path" in options ? options.path : undefined;
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE" || path === undefined || !(await isLeftOver(path))) {
        throw error;
      }
      unlinkSync(path);
      await tryListen(server, address);
    }
  } catch (error) {
    throw listenError(address, error as NodeJS.ErrnoException);
  }
}

/** Stops listening and cuts every connection. Resolves when all are closed. */
export function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}
