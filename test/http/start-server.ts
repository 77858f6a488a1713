import type { TestContext } from "node:test";
import { type RunningServer, type ServerOptions, startServer } from "../../src/http/server.js";

export const anyPort = "127.0.0.1:0";

/** A render that gives these pieces. */
export function toPieces(...pieces: string[]): () => AsyncIterable<Buffer> {
  return async function* () {
    yield* await Promise.resolve(pieces.map((piece) => Buffer.from(piece)));
  };
}

/** Starts a server on a free port; it is closed when the test ends. */
export async function start(context: Pick<TestContext, "after">, options: Partial<ServerOptions> = {}) {
  const errors: unknown[] = [];
  const server: RunningServer = await startServer({
    listenAddresses: [anyPort],
    telemetryPath: "/metrics",
    render: toPieces("a 1\n", 'b{c="é"} 2\n'),
    health: () => ({ ready: true, lines: ["tcp: up"] }),
    live: (_, response) => void response.end(),
    onError: (error) => errors.push(error),
    ...options,
  });
  context.after(server.close);
  const address = server.addresses[0] as string;
  return { server, errors, address, port: Number(address.split(":")[1]) };
}
