/** `ringtap count` and `ringtap hist`: a tracepoint's events from the command line, against a program that knows what it did. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";

import { createProgram } from "../../../src/cli/program.js";
import { commandTree } from "../../../src/cli/reference/command-tree.js";
import { documents, fences, prose, readDocument } from "../../docs/documents.js";
import { compileProgram, runProgram } from "../support/program.js";
import { type Ringtap, runRingtap, startRingtap } from "../support/ringtap.js";

/** Takes names, one after the other, so often each: so that the tracepoint task_rename fires. */
const source = `
#include <stdlib.h>
#include <sys/prctl.h>
int main(int argc, char **argv)
{
	for (int at = 1; at + 1 < argc; at += 2)
		for (int i = 0; i < atoi(argv[at + 1]); i++)
			prctl(PR_SET_NAME, argv[at]);
	return 0;
}`;

/** An address that no processor of this kind has memory at: the guard hole of Documentation/arch/x86/x86_64/mm.rst. */
const nowhere = "0xffff800000000000";

/**
 * Has the kernel write to so many pages that are not there yet, each a fault. The kernel keeps the address of the list of robust futexes
 * without reading it (kernel/futex/syscalls.c): a program that reads from there faults once more while it runs.
 */
const faults = `
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	int zero = open("/dev/zero", O_RDONLY), pages = atoi(argv[1]);
	char *all = mmap(NULL, pages * 4096L, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(all, pages * 4096L, MADV_NOHUGEPAGE);
	if (syscall(SYS_set_robust_list, NOWHERE, 24L))
		return 1;
	for (int i = 0; i < pages; i++)
		if (read(zero, all + i * 4096L, 1) != 1)
			return 2;
	syscall(SYS_set_robust_list, 0L, 24L);
	return 0;
}`;

function program(): string {
  return compileProgram("rt-bpf-renames", source);
}

const script = ["rt-count-a", "30", "rt-count-b", "12", "rt-count-a", "5"];

function lines(stdout: string): unknown[] {
  return stdout
    .split("\n")
    .slice(0, -1)
    .map((line): unknown => JSON.parse(line));
}

/** The command lines of `count` and `hist` that the documents and the help show, each once, as their arguments. */
async function shownCommands(): Promise<Map<string, string[]>> {
  const texts = documents().map(readDocument);
  const commands = [
    ...commandTree(await createProgram()).flatMap(({ examples }) => examples.map(({ command }) => command)),
    ...texts.flatMap((text) =>
      fences(text).flatMap(({ language, code }) => (language === "sh" ? code.split("\n") : [])),
    ),
    ...texts.flatMap((text) => Array.from(prose(text).matchAll(/`(ringtap [^`<…]*)`/g), ([, code = ""]) => code)),
  ].filter((command) => /^ringtap (count|hist) \w+( |$)/.test(command));
  const shell = (command: string): string[] =>
    execFileSync("bash", ["-c", `ringtap() { printf '%s\\n' "$@"; }\n${command}`], { encoding: "utf8" })
      .trimEnd()
      .split("\n");
  return new Map(commands.map((command) => [command, shell(command)]));
}

describe("ringtap count", () => {
  it("counts by a field, of events that meet the conditions, until it is interrupted", async (t) => {
    const path = program();
    const counting = startRingtap(t, [
      "count",
      "task_rename",
      "--by=to=args.comm,pid",
      `--where=args.comm!=rt-bpf-renames task.real_parent.tgid=${process.pid}`,
      "--sum=tgids=task.tgid",
      "--output=json",
    ]);
    await counting.said(/counting/);
    const { pid } = await runProgram(path, script);
    await counting.stop("SIGINT");
    assert.deepEqual(lines(counting.stdout), [
      { to: "rt-count-a", pid: `${pid}`, count: 35, tgids: 35 * pid },
      { to: "rt-count-b", pid: `${pid}`, count: 12, tgids: 12 * pid },
    ]);
  });

  it("shows tables as it goes, and serves the metric", async (t) => {
    const counting = startRingtap(t, [
      "count",
      "task_rename",
      "--by=args.comm",
      `--where=task.real_parent.tgid=${process.pid}`,
      "--where=args.comm=rt-count-b",
      "--watch",
      "--interval=100ms",
      "--web.listen-address=127.0.0.1:0",
    ]);
    const [, address = ""] = await counting.said(/address=(127\.0\.0\.1:\d+)/);
    await counting.said(/counting/);
    await runProgram(program(), script);
    const body = await (await fetch(`http://${address}/metrics`)).text();
    assert.match(body, /^task_rename_total\{comm="rt-count-b"\} 12$/m);
    await counting.stop("SIGTERM");
    assert.match(counting.stdout, /COMM +COUNT\nrt-count-b +12\n$/);
  });

  it("observes a number in a histogram", async (t) => {
    const counting = startRingtap(t, [
      "hist",
      "task_rename",
      "--of=task.real_parent.tgid",
      "--by=args.comm",
      `--where=task.real_parent.tgid=${process.pid}`,
      "--where=args.comm=rt-count-a",
      "--output=json",
    ]);
    await counting.said(/counting/);
    await runProgram(program(), script);
    await counting.stop("SIGINT");
    const [{ comm, count, sum, buckets } = { buckets: [] }] = lines(counting.stdout) as {
      comm?: string;
      count?: number;
      sum?: number;
      buckets: [number | null, number][];
    }[];
    assert.deepEqual([comm, count, sum], ["rt-count-a", 35, 35 * process.pid]);
    const [bound] = buckets.find(([, n]) => n > 0) ?? [];
    assert.equal(bound, 2 ** Math.ceil(Math.log2(process.pid)));
  });

  it("ends after the duration, and says that nothing came", async (t) => {
    const { status, stdout } = await runRingtap(t, [
      "count",
      "task_rename",
      "--where=args.comm=no-such",
      "--duration=0.2",
    ]);
    assert.deepEqual([status, stdout], [0, "no events\n"]);
  });

  it("says how many runs the kernel has left out", async (t) => {
    if (process.arch !== "x64") {
      t.skip("the tracepoint page_fault_kernel is one of x86");
      return;
    }
    const path = compileProgram("rt-bpf-faults", faults, [`-DNOWHERE=${nowhere}`]);
    const args = ["--by=comm,length=task.robust_list.futex_offset", "--where=comm=rt-bpf-faults"];
    // One after the other: each counts the faults that the other's program has.
    const count = async (format: string): Promise<Ringtap> => {
      const counting = startRingtap(t, ["count", "page_fault_kernel", ...args, `--output=${format}`]);
      await counting.said(/counting/);
      await runProgram(path, ["40"]);
      await counting.stop("SIGINT");
      return counting;
    };
    const said = /up to 40 events are missing: the kernel left out their runs of the program/;
    const table = await count("table");
    // The faults of its start, too.
    assert.match(table.stdout, /\nrt-bpf-faults +0 +4\d\n.*\n$/);
    assert.match(table.stdout, said);
    assert.doesNotMatch(table.stderr, said);
    const json = await count("json");
    assert.equal(lines(json.stdout).length, 1);
    assert.match(json.stderr, said);
  });

  it("takes its flags from the environment, but for where it listens", async (t) => {
    const environment = {
      RINGTAP_BY: "to=args.comm",
      RINGTAP_WHERE: `task.real_parent.tgid=${process.pid} args.comm=rt-count-a`,
      RINGTAP_OUTPUT: "json",
      RINGTAP_WEB_LISTEN_ADDRESS: "no address at all",
    };
    const counting = startRingtap(t, ["count", "task_rename"], { environment });
    await counting.said(/counting/);
    await runProgram(program(), script);
    await counting.stop("SIGINT");
    assert.deepEqual(lines(counting.stdout), [{ to: "rt-count-a", count: 35 }]);
    const { status, stderr } = await runRingtap(t, ["count", "task_rename"], { environment: { RINGTAP_LIMIT: "0" } });
    assert.equal(status, 2);
    assert.match(stderr, /^ringtap: --limit "0": .* \(from environment variable RINGTAP_LIMIT\)\n$/);
  });

  it("runs each command line that the documents and the help show", async (t) => {
    const commands = await shownCommands();
    assert(commands.size >= 4, [...commands.keys()].join("\n"));
    const path = compileProgram(
      "rt-one-liner",
      "#include <signal.h>\n#include <unistd.h>\nint main(void) { for (int i = 0; i < 3; i++) kill(getpid(), SIGURG); }",
    );
    const counting = [...commands].map(([command, args]) => {
      const local = args.map((argument) => argument.replace(/^:\d+$/, "127.0.0.1:0"));
      return { command, started: startRingtap(t, [...local, "--output=json", "--duration=60m"]) };
    });
    await Promise.all(counting.map(({ started }) => started.said(/counting/)));
    for (let time = 0; time < 7; time++) {
      await runProgram(path);
    }
    await Promise.all(counting.map(({ started }) => started.stop("SIGINT")));
    for (const { command, started } of counting) {
      assert.doesNotMatch(started.stderr, /level=error/, command);
      const rows = lines(started.stdout) as Readonly<Record<string, unknown>>[];
      const ours = rows.filter(({ comm }) => comm === "rt-one-liner").at(-1);
      if (command.includes(" sched_process_exec --by comm")) {
        assert.deepEqual(ours, { comm: "rt-one-liner", count: 7 }, command);
      }
      if (command.includes(" signal_generate --by comm,to=args.task.comm,sig ")) {
        const sent = rows.filter(({ comm, to, sig }) => comm === "rt-one-liner" && to === comm && sig === "23").at(-1);
        assert.equal(sent?.count, 21, command);
      }
    }
  });

  it("says in one line what is wrong, and what is near", async (t) => {
    const wrong: readonly (readonly [args: readonly string[], says: RegExp])[] = [
      [["count", "task_renam"], /no tracepoint task_renam \(did you mean "task_rename"\?\)/],
      [
        ["count", "task_rename", "--by=task.com"],
        /struct task_struct has no field com on this kernel \(did you mean "comm"\?\)/,
      ],
      [["count", "task_rename", "--by=task"], /by: task: is a struct task_struct: choose one of its fields/],
      [["count", "task_rename", "--by=a-b"], /--by "a-b": expected a field/],
      [["count", "task_rename", "--where=comm>x"], /--where "comm>x": > compares numbers: use = or !=/],
      [
        ["count", "kfree_skb", "--where=reason=NO_SOCKE"],
        /enum skb_drop_reason has no value NO_SOCKE on this kernel; it has SKB_NOT_DROPPED_YET/,
      ],
      [
        ["count", "block_rq_complete", "--by=comm"],
        /fires in interrupts, while an unrelated process runs: unattributed\.comm is that one/,
      ],
      [["hist", "task_rename"], /--of is missing/],
      [["count", "task_rename", "--by=count=pid"], /--by "count=pid": another one is called count: say name=pid$/m],
      [["count", "task_rename", "--by=pid", "--sum=pid"], /--sum "pid": another one is called pid: say name=pid$/m],
      [
        ["hist", "task_rename", "--of=pid", "--by=sum=tid"],
        /--by "sum=tid": another one is called sum: say name=tid$/m,
      ],
      [["count", "../../etc:passwd"], /: "\.\.\/\.\.\/etc:passwd": expected the name of a tracepoint, such as /],
      [["hist", "task_rename", "--of=args.comm"], /--of "args\.comm": it is a text, and no number/],
    ];
    for (const [args, says] of wrong) {
      const { status, stderr } = await runRingtap(t, [...args, "--duration=0.1"]);
      assert.match(stderr, says);
      assert.deepEqual([status, stderr.trimEnd().split("\n").length], [2, 1], stderr);
    }
  });
});
