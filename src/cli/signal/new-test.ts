/** The test that a new signal comes with: it runs a program that knows what it does, and reads the agent's metrics. */

/** What a test runs and expects. */
export interface SignalTest {
  /** A sentence about the program. */
  readonly what: string;
  /** What the test is called. */
  readonly name: string;
  /** The program in C, and its comm; its argument is a path that it may write to. */
  readonly source: string;
  readonly comm: string;
  /** A metric without the name of the signal in front, and its values by a label. */
  readonly metric: string;
  readonly label: string;
  readonly counts: Readonly<Record<string, number>>;
}

/** The text of a test for Node's own runner. */
export function testText(signal: string, { what, name, source, comm, metric, label, counts }: SignalTest): string {
  const values = Object.keys(counts).map((value) => `count(${JSON.stringify(value)})`);
  return `/** ${signal} against a program that knows what it asked for. Run it as root: node --test */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const [command, ...before] = (process.env.RINGTAP ?? "ringtap").split(" ");

/** ${what} */
const source = \`
${source}\`;

/** Starts the agent with this signal; resolves to the URL of its metrics. */
function started(agent) {
  return new Promise((resolve, reject) => {
    let log = "";
    agent.stderr.setEncoding("utf8").on("data", (text) => {
      log += text;
      const [url] = /http:\\/\\/127\\.0\\.0\\.1:\\d+\\/metrics/.exec(log) ?? [];
      if (url !== undefined) {
        resolve(url);
      }
    });
    agent.on("exit", () => reject(new Error(log)));
  });
}

test("${name}", async (context) => {
  const scratch = mkdtempSync(join(tmpdir(), "${signal}-"));
  context.after(() => rmSync(scratch, { recursive: true }));
  const program = join(scratch, "${comm}");
  execFileSync("cc", ["-xc", "-", "-o", program], { input: source });
  const flags = ["--signals=${signal}", \`--signals.path=\${import.meta.dirname ?? process.cwd()}\`];
  const agent = spawn(command, [...before, "run", ...flags, "--web.listen-address=127.0.0.1:0"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  context.after(() => agent.kill());
  const url = await started(agent);
  execFileSync(program, [join(scratch, "file")]);
  const lines = (await (await fetch(url)).text()).split("\\n");
  const count = (value) =>
    lines
      .filter((line) => line.startsWith("${signal}_${metric}{"))
      .filter((line) => line.includes('comm="${comm}"') && line.includes(\`${label}="\${value}"\`))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
  assert.deepEqual([${values.join(", ")}], [${Object.values(counts).join(", ")}]);
});
`;
}
