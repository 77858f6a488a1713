/** Requests of HTTP/1.x, against conversations of which each request is known, cut in every way, at both ends. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { type Agent, startAgent, unlimitedSeries } from "./support/agent.js";
import { type Conversation, conversations } from "./support/http-conversations.js";
import { compileProgram, runProgram } from "./support/program.js";
import { type Samples, select, sum } from "./support/samples.js";
import { suiteScope } from "./support/scope.js";

const player = compileProgram(
  "l7-player",
  readFileSync(new URL("../../../test/kernel/programs/l7-conversations.c", import.meta.url), "utf8"),
);

const early = compileProgram(
  "l7-early",
  readFileSync(new URL("../../../test/kernel/programs/l7-early.c", import.meta.url), "utf8"),
);

const callKinds = ["read and write", "recv with a peek and send", "readv and writev", "recvmsg and sendmsg"];
const cuts = { none: 0, eachByte: 1, random: 2, everywhere: 3 };

const programs = ["l7_send", "l7_receive", "l7_state", "l7_destroy"];

const sides = [
  ["client", "c"],
  ["server", "s"],
] as const;

/** A conversation as the player reads it. */
function script({ steps, first = "C" }: Conversation, name: string, calls: number, cut: number, seed = 1): string {
  const parts = steps.map(([who, text]) => `${who} ${text.length}\n${text}\n`);
  return `N ${name} ${calls} ${cut} ${seed}\n${parts.join("")}E ${first}\n`;
}

function play(scripts: readonly string[]): void {
  execFileSync(player, { input: Buffer.from(scripts.join(""), "latin1"), stdio: ["pipe", "inherit", "inherit"] });
}

/** How often there was each kind of request, as text. */
function tally(entries: Iterable<readonly [string, number]>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [key, count] of entries) {
    counts[key] = (counts[key] ?? 0) + count;
  }
  return Object.fromEntries(Object.entries(counts).toSorted());
}

function expected({ requests }: Conversation, times: number): Record<string, number> {
  return tally(
    requests.map(
      ([method, status, error = ""]) => [`${method} ${status === 0 ? "" : status} ${error}`, times] as const,
    ),
  );
}

function labelIn(series: string, name: string): string {
  return new RegExp(`[{,]${name}="([^"]*)"`).exec(series)?.[1] ?? "";
}

/** The samples of each comm that an end of a conversation has, histogram buckets left out. */
function byComm(samples: Samples): ReadonlyMap<string, Samples> {
  const found = new Map<string, Map<string, number>>();
  for (const [series, value] of samples) {
    const comm = series.includes("_bucket{") ? "" : labelIn(series, "comm");
    if (/-[cs]$/.test(comm)) {
      const own = found.get(comm) ?? new Map<string, number>();
      found.set(comm, own.set(series, value));
    }
  }
  return found;
}

function counted(samples: Samples, role: string, of: Readonly<Record<string, number>> = {}): Record<string, number> {
  const series = select(samples, `http_${role}_request_duration_seconds_count`, of);
  const labels = ["http_request_method", "http_response_status_code", "error_type"];
  return tally(
    Array.from(series, ([text, count]) => [labels.map((label) => labelIn(text, label)).join(" "), count] as const),
  );
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function lengthOf({ steps }: Conversation): number {
  return steps.reduce((total, [, text]) => total + text.length, 0);
}

describe("requests of HTTP/1.x", () => {
  const scope = suiteScope();
  let running: Promise<Agent> | undefined;
  const started = (): Promise<Agent> =>
    (running ??= startAgent(scope, ["--signals=l7,tcp", "--l7.counts-limit=65536", ...unlimitedSeries]));

  /** Asserts that both ends of the conversations that were played under these names were counted. */
  function assertCounted(
    samples: Samples,
    prefix: string,
    played: readonly Conversation[],
    times: (of: Conversation) => number,
  ): void {
    const own = byComm(samples);
    // Newer kernels than 6.18 leave out a program's run while another one of it is preempted on that CPU.
    const leftOut = programs.reduce(
      (runs, program) => runs + sum(samples, "ringtap_bpf_program_misses_total", { program }),
      0,
    );
    let gaps = 0;
    for (const [index, conversation] of played.entries()) {
      for (const [role, end] of sides) {
        const comm = `${prefix}${index}-${end}`;
        const found = own.get(comm) ?? new Map<string, number>();
        const message = `${conversation.name}, ${role} (${comm})`;
        const [counts, requests] = [counted(found, role), expected(conversation, times(conversation))];
        const lost = sum(found, "ringtap_l7_lost_requests_total", {});
        const skipped = sum(found, "ringtap_l7_skipped_bytes_total", { reason: "gap" });
        if (leftOut > 0 && skipped > 0) {
          // What happened in a gap is not known; but that there was one is.
          gaps++;
          assert(total(counts) <= total(requests), `${total(counts)} of ${total(requests)}, ${lost} lost: ${message}`);
        } else {
          assert.deepEqual([counts, lost], [requests, 0], message);
        }
        for (const direction of ["sent", "received"]) {
          const bytes = sum(found, "ringtap_l7_bytes_total", { direction });
          assert.equal(bytes, sum(found, `ringtap_tcp_${direction}_bytes_total`, {}), `${direction}: ${message}`);
        }
      }
    }
    assert(gaps <= leftOut, `${gaps} connections with gaps, but ${leftOut} runs left out`);
  }

  for (const [calls, name] of callKinds.entries()) {
    it(`are counted whole, byte by byte, and cut at random, by ${name}`, async () => {
      const agent = await started();
      const small = conversations.filter((conversation) => lengthOf(conversation) < 20_000);
      play([
        ...conversations.map((conversation, index) => script(conversation, `w${calls}${index}`, calls, cuts.none)),
        ...small.map((conversation, index) => script(conversation, `b${calls}${index}`, calls, cuts.eachByte)),
        ...conversations.map((conversation, index) =>
          script(conversation, `r${calls}${index}`, calls, cuts.random, 7 * calls + index),
        ),
      ]);
      const samples = await agent.scrape();
      assertCounted(samples, `w${calls}`, conversations, () => 1);
      assertCounted(samples, `b${calls}`, small, () => 1);
      assertCounted(samples, `r${calls}`, conversations, () => 1);
    });
  }

  for (const [what, requests] of [
    [
      "head",
      [
        ["HEAD", 200],
        ["POST", 201],
      ],
    ],
    [
      "close",
      [
        ["GET", 200],
        ["POST", 0, "closed"],
      ],
    ],
  ] as const) {
    it(`are counted whose response is received before the call that sends them has returned: ${what}`, async () => {
      const agent = await started();
      const { pid } = await runProgram(early, [what]);
      const samples = await agent.scrape();
      for (const [role] of sides) {
        assert.deepEqual(counted(samples, role, { pid }), expected({ name: what, steps: [], requests }, 1), role);
      }
      assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { pid }), 0);
      assert.equal(sum(samples, "ringtap_l7_skipped_bytes_total", { pid }), 0);
    });
  }

  it("are counted with a cut at each place there is", async () => {
    const agent = await started();
    const short = conversations.filter((conversation) => lengthOf(conversation) < 420);
    play(
      short.map((conversation, index) => script(conversation, `e${index}`, index % callKinds.length, cuts.everywhere)),
    );
    assertCounted(await agent.scrape(), "e", short, (conversation) => lengthOf(conversation) - 1);
  });
});
