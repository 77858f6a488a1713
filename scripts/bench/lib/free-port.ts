/** A port for a program that does not say which one it has been given. */
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

/** Returns a TCP port of 127.0.0.1 on which nothing listens now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
