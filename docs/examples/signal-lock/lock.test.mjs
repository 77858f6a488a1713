/** lock against a program that knows what it asked for. Run it as root, built: node --test */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const [command, ...before] = (process.env.RINGTAP ?? "ringtap").split(" ");

/** Takes a lock 30 times, asks 10 times for one that another process holds, and releases it 7 times. */
const source = `
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	struct flock lock = { .l_type = F_WRLCK };
	int fd = open(argv[1], O_RDWR | O_CREAT, 0600);
	for (int i = 0; i < 30; i++)
		if (fcntl(fd, F_SETLK, &lock))
			return 1;
	if (fork() == 0) {
		for (int i = 0; i < 10; i++)
			fcntl(fd, F_SETLK, &lock);
		_exit(0);
	}
	wait(NULL);
	lock.l_type = F_UNLCK;
	for (int i = 0; i < 7; i++)
		fcntl(fd, F_SETLK, &lock);
	return argc != 2;
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

test("counts locks by outcome, and releases", async (context) => {
  const scratch = mkdtempSync(join(tmpdir(), "lock-"));
  context.after(() => rmSync(scratch, { recursive: true }));
  const program = join(scratch, "takes-locks");
  execFileSync("cc", ["-xc", "-", "-o", program], { input: source });
  const flags = ["--signals=lock", `--signals.path=${import.meta.dirname ?? process.cwd()}`];
  const agent = spawn(command, [...before, "run", ...flags, "--web.listen-address=127.0.0.1:0"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  context.after(() => agent.kill());
  const url = await started(agent);
  execFileSync(program, [join(scratch, "locked")]);
  const lines = (await (await fetch(url)).text()).split("\n");
  const sum = (metric, label) =>
    lines
      .filter((line) => line.startsWith(`${metric}{`) && line.includes('comm="takes-locks"') && line.includes(label))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" "))), 0);
  assert.deepEqual(
    [
      sum("record_locks_total", 'result="ok"'),
      sum("record_locks_total", 'result="EAGAIN"'),
      sum("record_locks_released_total", ""),
    ],
    [30, 10, 7],
  );
});
