// Prints each TCP connect that fails or takes longer than 100 ms, as one JSON line, for a minute or so many seconds:
//
//   sudo node docs/examples/slow-connects.mjs [SECONDS]
import { openAgent } from "ringtap";

const seconds = Number(process.argv[2] ?? 60);
const agent = openAgent({ signals: ["tcp"] });
console.error("watching");

for await (const event of agent.events({ signals: ["tcp"] }, AbortSignal.timeout(seconds * 1000))) {
  const failed = event.result !== "established";
  if (event.event === "connect" && (failed || Number(event.duration_seconds) > 0.1)) {
    const { time, pid, comm, remote_address, remote_port, result, duration_seconds } = event;
    console.log(JSON.stringify({ time, pid, comm, remote_address, remote_port, result, duration_seconds }));
  }
}
agent.close();
