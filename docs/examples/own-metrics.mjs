// An exporter with a metric of its own beside ringtap's: connects by the port that they went to.
//
//   sudo node docs/examples/own-metrics.mjs [PORT]
//   curl localhost:9100/metrics
import { createServer } from "node:http";
import { Counter } from "prom-client";
import { openAgent, TcpEventKind, TcpResult } from "ringtap";

const agent = openAgent({ signals: ["tcp"], labels: ["comm"] });
const connects = new Counter({
  name: "connects_by_port_total",
  help: "TCP connects that were established, by remote port.",
  labelNames: ["port"],
  registers: [agent.registry],
});

// The record is good only until this returns; its fields are read in place, nothing is allocated but what prom-client does.
const stop = agent.onRecord("tcp", (record) => {
  if (record.kind === TcpEventKind.connect && record.result === TcpResult.established) {
    connects.inc({ port: record.remotePort });
  }
});

const server = createServer(async (request, response) => {
  const { contentType, body } = await agent.metrics(request.headers.accept);
  response.setHeader("Content-Type", contentType).end(body);
});
server.listen(Number(process.argv[2] ?? 9100), "127.0.0.1", () => {
  const address = server.address();
  console.error(`serving http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/metrics`);
});

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    stop();
    agent.close();
    server.close();
    server.closeAllConnections();
  });
}
