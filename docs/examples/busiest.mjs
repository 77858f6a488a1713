// Shows which processes made the most system calls in the last seconds, and which calls the first of them made:
//
//   sudo node docs/examples/busiest.mjs [SECONDS]
import { setTimeout } from "node:timers/promises";
import { openAgent, processRates } from "ringtap";

const seconds = Number(process.argv[2] ?? 5);
const agent = openAgent({ signals: ["syscall"] });
console.error("watching");

const before = await agent.snapshot();
await setTimeout(seconds * 1000);
const after = await agent.snapshot();
const rates = processRates(before, after);
const busiest = after.processes
  .map(({ id, labels }) => ({ id, ...labels, calls_per_second: Math.round(rates.get(id)?.syscalls ?? 0) }))
  .sort((one, other) => other.calls_per_second - one.calls_per_second)
  .slice(0, 10);
console.table(busiest, ["pid", "comm", "calls_per_second"]);
const [first] = busiest;
if (first !== undefined) {
  for (const { title, rows } of agent.breakdowns(first.id)) {
    console.log(title);
    console.table(rows.slice(0, 5), ["name", "count", "seconds"]);
  }
}
agent.close();
