/**
 * Makes requests of HTTP and operations of Redis to itself, each second, over connections that last: some fail, some take over a second,
 * and of one nothing is known, as its response is none. Its name is the first argument; it ends with its standard input.
 */
import { Agent, createServer, request } from "node:http";
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server as TcpServer,
  type Socket,
} from "node:net";

process.title = process.argv[2] ?? "requests";
process.stdin.resume().on("end", () => process.exit());

const http = createServer(({ url = "" }, response) => {
  response.statusCode = url.startsWith("/fail") ? 500 : 200;
  setTimeout(() => response.end("x"), url.startsWith("/slow") ? 1_100 : 0);
});

/** Answers each piece that comes. */
function answering(answer: (data: Buffer) => string): TcpServer {
  return createTcpServer((socket) => socket.on("data", (data) => socket.write(answer(data))));
}

async function listen(server: TcpServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

async function connectTo(server: TcpServer): Promise<Socket> {
  return connect(await listen(server), "127.0.0.1")
    .setNoDelay()
    .resume();
}

const port = await listen(http);
const redis = await connectTo(answering((data) => (data.includes("PING") ? "+PONG\r\n" : "-ERR no\r\n")));
const broken = await connectTo(answering(() => "HTTP/1.1 2x0 no\r\n\r\n"));
const agent = new Agent({ keepAlive: true, maxSockets: 4 });

setInterval(() => {
  for (const path of ["/items/1", "/items/2", "/fail", "/slow/3"]) {
    request({ host: "127.0.0.1", port, path, agent }, (response) => response.resume()).end();
  }
  broken.write("GET /broken HTTP/1.1\r\nhost: here\r\n\r\n");
  redis.write("*1\r\n$4\r\nPING\r\n");
  setTimeout(() => redis.write("*2\r\n$3\r\nGET\r\n$1\r\nx\r\n"), 300);
}, 1_000);
