/** Signals of `ringtap/bpf` against programs that know what they did. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { address, type Num, type Text, tracepoint, when } from "../../../src/bpf/index.js";
import { log2Ceil } from "../../../src/metrics/log2.js";
import { at, attach, type Series } from "../support/built-signal.js";
import { assertAllExact, assertExact, exactly } from "../support/left-out.js";
import { compileProgram, runProgram } from "../support/program.js";

/** Forks children, the first of which ends with status 0, the next with 1, … */
const exits = `
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	int children = atoi(argv[1]);
	for (int i = 0; i < children; i++)
		if (fork() == 0)
			_exit(i % 7);
	for (int i = 0; i < children; i++)
		wait(NULL);
	return argc != 2;
}`;

/** Takes so many names, one after the other: r0, r1, … */
const renames = `
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
int main(int argc, char **argv)
{
	int times = atoi(argv[1]);
	char name[16];
	for (int i = 0; i < times; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		prctl(PR_SET_NAME, name);
	}
	return argc != 2;
}`;

/** Sends datagrams to itself from a thread on each of two CPUs: of 1, 2, … bytes, over and over. */
const datagrams = `
#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
static int each, sizes;
static void *run(void *cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET((long)cpu % sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(to);
	int from = socket(AF_INET, SOCK_DGRAM, 0), sink = socket(AF_INET, SOCK_DGRAM, 0);
	static char bytes[2048];
	if (bind(sink, (void *)&to, length) || getsockname(sink, (void *)&to, &length))
		exit(1);
	for (int i = 0; i < each; i++)
		if (sendto(from, bytes, 1 + i % sizes, 0, (void *)&to, length) < 0)
			exit(2);
	return NULL;
}
int main(int argc, char **argv)
{
	pthread_t threads[2];
	each = atoi(argv[1]);
	sizes = atoi(argv[2]);
	for (long i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, run, (void *)i);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	return argc != 3;
}`;

/**
 * Gets POSIX signals of three kinds: 5 by kill(2), 3 of a timer and 4 of a pipe that no one reads. Of the latter two, the kernel says no
 * more than that it has sent them.
 */
const generated = `
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>
int main(void)
{
	const struct itimerval soon = { .it_value = { .tv_usec = 1000 } };
	int ends[2];
	sigset_t timer;
	sigemptyset(&timer);
	sigaddset(&timer, SIGALRM);
	sigprocmask(SIG_BLOCK, &timer, NULL);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	/* Every kernel has a siginfo of sigqueue(3); of kill(2), Linux 7.3 passes a null pointer. */
	for (int i = 0; i < 5; i++)
		sigqueue(getpid(), SIGUSR1, (union sigval){ 0 });
	for (int i = 0, number; i < 3; i++) {
		setitimer(ITIMER_REAL, &soon, NULL);
		sigwait(&timer, &number);
	}
	if (pipe(ends) || close(ends[0]))
		return 1;
	for (int i = 0; i < 4; i++)
		if (write(ends[1], "", 1) >= 0)
			return 2;
	return 0;
}`;

/** Sorts series by their labels. */
function sorted(series: readonly Series[]): Series[] {
  return [...series].sort(([a], [b]) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
}

describe("bpf", () => {
  it("counts exits by status, and has a record of each", async (t) => {
    const program = compileProgram("rt-bpf-exits", exits);
    const signal = tracepoint("sched_process_exit", (e, h) => ({
      name: "exit_codes",
      where: h.comm.eq("rt-bpf-exits").and(h.pid.eq(at<Num>(e, "p", "pid"))),
      count: { by: { comm: h.comm, code: at<Num>(e, "p", "exit_code").shr(8) } },
      record: {
        pid: h.tgid,
        parent: at<Text>(e, "p", "real_parent", "comm"),
        leader: at<Num>(e, "p", "pid").eq(h.pid),
      },
    }));
    const built = attach(t, signal);
    const { pid } = await runProgram(program, ["300"]);
    const series = await built.series("exit_codes_total");
    const records = built.records();
    const { produced, consumed, dropped } = built.counts();
    assert.deepEqual([consumed, ...Object.values(dropped)], [produced, 0, 0, 0, 0, 0]);
    assert(series.every(([{ comm }]) => comm === "rt-bpf-exits"));
    const counted = Object.fromEntries(series.map(([{ code = "" }, exits = 0]) => [code, exits] as const));
    // 300 = 42 × 7 + 6, and the program itself ends with 0.
    const expected = Object.fromEntries(
      Array.from({ length: 7 }, (_, code) => [code, (code < 6 ? 43 : 42) + (code === 0 ? 1 : 0)]),
    );
    // An exit in the middle of which another task gets the CPU may cost the next ones on kernels newer than 6.18.
    assertAllExact(counted, expected, built.missed());
    assert.equal(
      produced,
      Object.values(counted).reduce((total, exits) => total + exits, 0),
    );
    assert.equal(new Set(records.map((record) => record.pid)).size, produced);
    const own = records.filter((record) => record.pid === pid);
    assertExact(own.length, 1, built.missed());
    assert(records.every((record) => record.leader === true));
    assert(records.every((record) => own.includes(record) || record.parent === "rt-bpf-exits"));
  });

  it("adds up packets, bytes and every bucket of a histogram, from two CPUs at once", async (t) => {
    const [each, sizes, overhead] = [20_000, 1_000, 28];
    const program = compileProgram("rt-bpf-udp", datagrams);
    const signal = tracepoint("net_dev_queue", (e, h) => {
      const bytes = at<Num>(e, "skb", "len");
      return {
        name: "sent",
        // In a softirq that interrupts the program, others may send something: by TCP, whose sockets answer there.
        where: h.comm.eq("rt-bpf-udp").and(at<Num>(e, "skb", "sk", "sk_protocol").eq(17)),
        count: { by: { comm: h.comm }, sum: { bytes, minus: bytes.sub(2 ** 20) } },
        histogram: { of: bytes, unit: "bytes", by: { comm: h.comm }, firstPower: 5, lastPower: 9 },
      };
    });
    const built = attach(t, signal);
    await runProgram(program, [`${each}`, `${sizes}`]);
    // The header of the link is in front already: 14 bytes on the loopback device.
    const lengths = Array.from({ length: 2 * each }, (_, index) => 1 + (index % sizes) + overhead + 14);
    const buckets = [5, 6, 7, 8, 9, 10].map(
      (power) => lengths.filter((length) => Math.min(Math.max(log2Ceil(length), 5), 10) === power).length,
    );
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const labels = { comm: "rt-bpf-udp" };
    assert.deepEqual(await built.series("sent_total"), [[labels, 2 * each]]);
    assert.deepEqual(await built.series("sent_bytes_total"), [[labels, total]]);
    assert.deepEqual(await built.series("sent_minus_total"), [[labels, 0]]);
    assert.deepEqual(await built.series("sent_bytes"), [[labels, ...buckets, total]]);
    assert.equal(built.counts().produced, 2 * each);
  });

  it("counts what exceeds a map as ~other, so that the sum is exact", async (t) => {
    const program = compileProgram("rt-bpf-renames", renames);
    const signal = tracepoint("task_rename", (e) => ({
      name: "renames",
      where: at<Num>(e, "task", "real_parent", "tgid").eq(process.pid),
      count: { by: { comm: at<Text>(e, "comm") } },
    }));
    const built = attach(t, signal, { entries: 256 });
    await runProgram(program, ["5000"]);
    const series = await built.series("renames_total");
    const other = series.find(([{ comm }]) => comm === "~other");
    const named = series.filter(([{ comm }]) => comm !== "~other");
    // The first name is that of execve(2).
    assert.deepEqual([named.length, named.every(([, count]) => count === 1), other?.[1]], [256, true, 5001 - 256]);
    assert.deepEqual(sorted(named)[0], [{ comm: "r0" }, 1]);
    assert.equal(built.counts().produced, 5001);
  });

  it("counts records that find the ring full", async (t) => {
    const program = compileProgram("rt-bpf-ring", renames);
    const signal = tracepoint("task_rename", (e) => ({
      name: "ring",
      where: at<Num>(e, "task", "real_parent", "tgid").eq(process.pid),
      record: { to: at<Text>(e, "comm") },
    }));
    const built = attach(t, signal, {}, 65_536);
    await runProgram(program, ["20000"]);
    const records = built.records();
    const { produced, consumed, dropped } = built.counts();
    assert.deepEqual([produced, consumed + dropped.ring_full, records.length], [20_001, 20_001, consumed]);
    assert(dropped.ring_full > 10_000);
    assert.deepEqual(
      records.slice(0, 3).map(({ to }) => to),
      ["rt-bpf-ring", "r0", "r1"],
    );
  });

  it("reads 0 where an argument is null, or a small number in place of a pointer", async (t) => {
    const program = compileProgram("rt-bpf-info", generated);
    const signal = tracepoint("signal_generate", (e) => {
      const info = at<object>(e, "info");
      return {
        name: "infos",
        where: at<Text>(e, "task", "comm").eq("rt-bpf-info"),
        owner: "none",
        count: {
          by: {
            sent: at<Num>(e, "sig"),
            // SEND_SIG_NOINFO and SEND_SIG_PRIV of include/linux/sched/signal.h, and 2 for a pointer.
            info: when(address(info).le(1), address(info), 2),
            said: at<Num>(info, "si_signo"),
          },
        },
      };
    });
    // A timer's signal comes in an interrupt, maybe of a run of the same program.
    await exactly(t, async (attachSignal) => {
      const built = attachSignal(signal);
      await runProgram(program);
      assert.deepEqual(sorted(await built.series("infos_total")), [
        [{ sent: "10", info: "2", said: "10" }, 5],
        [{ sent: "13", info: "0", said: "0" }, 4],
        [{ sent: "14", info: "1", said: "0" }, 3],
      ]);
    });
  });
});
