/** exit against a program that knows how its children end. Run it as root, built: node --test */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const [command, ...before] = (process.env.RINGTAP ?? "ringtap").split(" ");

/** Of its children, 20 exit with status 3 and 5 are killed by SIGKILL; two of its threads end before it does. */
const source = `
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
static void *nothing(void *none)
{
	return none;
}
int main(void)
{
	pthread_t threads[2];
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, nothing, NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 25; i++)
		if (fork() == 0) {
			if (i >= 20)
				kill(getpid(), SIGKILL);
			_exit(3);
		}
	while (wait(NULL) > 0)
		;
	return 0;
}`;

/** Starts the agent with this signal; resolves to the URL of its metrics. */
function started(agent) {
  return new Promise((resolve, reject) => {
    let log = "";
    agent.stderr.setEncoding("utf8").on("data", (text) => {
      log += text;
      const [url] = /http:\/\/127\.0\.0\.1:\d+\/metrics/.exec(log) ?? [];
      if (url !== undefined) {
        resolve(url);
      }
    });
    agent.on("exit", () => reject(new Error(log)));
  });
}

test("counts exits by status and by POSIX signal", async (context) => {
  const scratch = mkdtempSync(join(tmpdir(), "exit-"));
  context.after(() => rmSync(scratch, { recursive: true }));
  const program = join(scratch, "has-children");
  execFileSync("cc", ["-xc", "-", "-pthread", "-o", program], { input: source });
  const flags = ["--signals=exit", `--signals.path=${import.meta.dirname ?? process.cwd()}`];
  const agent = spawn(command, [...before, "run", ...flags, "--web.listen-address=127.0.0.1:0"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  context.after(() => agent.kill());
  const url = await started(agent);
  execFileSync(program);
  const lines = (await (await fetch(url)).text()).split("\n");
  const sum = (metric, ...labels) =>
    lines
      .filter((line) => line.startsWith(metric) && line.includes('comm="has-children"'))
      .filter((line) => labels.every((label) => line.includes(label)))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" "))), 0);
  assert.deepEqual(
    [
      sum("exit_total{", 'status="0"', 'killed_by="0"'),
      sum("exit_total{", 'status="3"', 'killed_by="0"'),
      sum("exit_total{", 'status="0"', 'killed_by="9"'),
      sum("exit_seconds_count{"),
    ],
    [1, 20, 5, 26],
  );
});
