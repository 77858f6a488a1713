/** Tests of l7 by conversations of which each request is known: cut in every way, by each kind of call, seen from both ends. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { it } from "node:test";

import { type Agent, startAgent, unlimitedSeries } from "./agent.js";
import type { BuildCopy } from "./build-copy.js";
import { compileProgram } from "./program.js";
import { total } from "./request-counts.js";
import { type Samples, select, sum } from "./samples.js";
import type { Scope } from "./scope.js";

export interface Conversation<Request> {
  readonly name: string;
  /** What each end sends, in turn, in Latin-1. */
  readonly steps: readonly (readonly [who: "C" | "S", text: string])[];
  /** Who closes the connection first. Default: the client. */
  readonly first?: "C" | "S";
  readonly requests: readonly Request[];
}

/** What of a protocol the tests have to know. */
export interface Suite<Request> {
  readonly conversations: readonly Conversation<Request>[];
  /** Histograms of durations. */
  readonly metrics: Readonly<Record<"client" | "server", string>>;
  readonly labels: readonly string[];
  /** The values of the labels that a request counts under, at this end. */
  readonly valuesOf: (request: Request, role: "client" | "server") => readonly string[];
  /** The server's port, where a protocol has one. Default: any. */
  readonly port?: number;
  /** The path of the server's Unix socket, where the conversations are to go over one. */
  readonly socket?: string;
  /** What a command line begins with to run the conversations elsewhere, such as in a network namespace. */
  readonly prefix?: readonly string[];
  /** Further flags of the agent. */
  readonly flags?: readonly string[];
  /** What runs the agent. Default: this build. */
  readonly build?: BuildCopy;
}

const callKinds = ["read and write", "recv with a peek and send", "readv and writev", "recvmsg and sendmsg"];
const cuts = { none: 0, eachByte: 1, random: 2, everywhere: 3 };

/** Conversations that are longer are not cut at each byte, or at each place that there is. */
const mostBytesOneByOne = 20_000;
const mostPlaces = 420;

/**
 * What the names of this process's conversations begin with: others may play the same at the same time. Of four letters, so that many
 * names differ in their seventh and eighth letters alone, which no line of counts may be found by badly.
 */
export const tag = process.pid.toString(36).padStart(4, "0");

/** Seconds. No request takes as long; a duration that has lost its beginning counts from the machine's start. */
const longest = 60;

const programs = ["l7_send", "l7_receive", "l7_sys_exit", "l7_state", "l7_destroy"];

const sides = [
  ["client", "c"],
  ["server", "s"],
] as const;

/** A conversation as the player reads it. */
function script<R>(
  { steps, first = "C" }: Conversation<R>,
  name: string,
  calls: number,
  cut: number,
  seed = 1,
): string {
  const parts = steps.map(([who, text]) => `${who} ${text.length}\n${text}\n`);
  return `N ${tag}${name} ${calls} ${cut} ${seed}\n${parts.join("")}E ${first}\n`;
}

/** How often there was each kind of request, as text. */
export function tally(entries: Iterable<readonly [string, number]>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [key, count] of entries) {
    counts[key] = (counts[key] ?? 0) + count;
  }
  return Object.fromEntries(Object.entries(counts).toSorted());
}

export function labelIn(series: string, name: string): string {
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

/** Of what both ends send, or one of them. */
function lengthOf<R>({ steps }: Conversation<R>, who?: "C" | "S"): number {
  return steps.reduce((total, [sender, text]) => total + (who === undefined || who === sender ? text.length : 0), 0);
}

/** What further tests may use. */
export interface Counting<Request> {
  /** The agent that all share. */
  readonly started: () => Promise<Agent>;
  /** Asserts that a process that was both ends of a connection has counted these requests, twice, and lost nothing. */
  readonly assertBoth: (samples: Samples, pid: number, requests: readonly Request[]) => void;
}

/** Declares the tests, which share an agent. */
export function testConversations<R>(
  scope: Scope,
  { conversations, metrics, labels, valuesOf, port = 0, socket, prefix = [], flags = [], build }: Suite<R>,
): Counting<R> {
  const player = compileProgram(
    "l7-player",
    readFileSync(new URL("../../../../test/kernel/programs/l7-conversations.c", import.meta.url), "utf8"),
  );
  let running: Promise<Agent> | undefined;
  async function start(): Promise<Agent> {
    const args = ["--signals=l7,tcp", "--l7.counts-limit=65536", ...unlimitedSeries, ...flags];
    const agent = await startAgent(scope, args, build);
    // By then it has read what was there before.
    await agent.scrape();
    return agent;
  }
  const started = (): Promise<Agent> => (running ??= start());

  function play(scripts: readonly string[], family = "4"): void {
    const [command, ...args] = [...prefix, player, socket ?? `${port}`, family];
    execFileSync(command, args, {
      input: Buffer.from(scripts.join(""), "latin1"),
      stdio: ["pipe", "inherit", "inherit"],
    });
  }

  const expected = (requests: readonly R[], role: "client" | "server", times: number): Record<string, number> =>
    tally(requests.map((request) => [valuesOf(request, role).join(" "), times] as const));

  function counted(
    samples: Samples,
    role: "client" | "server",
    of: Readonly<Record<string, number>> = {},
  ): Record<string, number> {
    const series = select(samples, `${metrics[role]}_count`, of);
    return tally(
      Array.from(series, ([text, count]) => [labels.map((label) => labelIn(text, label)).join(" "), count] as const),
    );
  }

  /** Asserts that both ends of the conversations that were played under these names were counted. */
  function assertCounted(
    samples: Samples,
    prefix: string,
    played: readonly Conversation<R>[],
    times: (of: Conversation<R>) => number,
  ): void {
    const own = byComm(samples);
    // Newer kernels than 6.18 leave out a program's run while another one of it is preempted on that CPU.
    const leftOut = programs.reduce(
      (runs, program) => runs + sum(samples, "ringtap_bpf_program_misses_total", { program }),
      0,
    );
    const isLeftOut = sum(samples, "ringtap_bpf_program_misses_total", {}) > 0;
    let gaps = 0;
    for (const [index, conversation] of played.entries()) {
      for (const [role, end] of sides) {
        const comm = `${tag}${prefix}${index}-${end}`;
        const found = own.get(comm) ?? new Map<string, number>();
        const message = `${conversation.name}, ${role} (${comm})`;
        const [counts, requests] = [counted(found, role), expected(conversation.requests, role, times(conversation))];
        const lost = sum(found, "ringtap_l7_lost_requests_total", {});
        const skipped = sum(found, "ringtap_l7_skipped_bytes_total", { reason: "gap" });
        if (leftOut > 0 && skipped > 0) {
          // What happened in a gap is not known; but that there was one is.
          gaps++;
          assert(total(counts) <= total(requests), `${total(counts)} of ${total(requests)}, ${lost} lost: ${message}`);
        } else {
          assert.deepEqual([counts, lost], [requests, 0], message);
        }
        assert(sum(found, `${metrics[role]}_sum`, {}) < longest * Math.max(1, total(counts)), message);
        for (const direction of ["sent", "received"]) {
          const bytes =
            times(conversation) * lengthOf(conversation, (direction === "sent") === (end === "c") ? "C" : "S");
          const metric = socket === undefined ? "ringtap_l7_bytes_total" : "ringtap_l7_unix_bytes_total";
          assert.equal(sum(found, metric, { direction }), bytes, `${direction}: ${message}`);
          if (socket !== undefined) {
            continue;
          }
          const ofTcp = sum(found, `ringtap_tcp_${direction}_bytes_total`, {});
          assert(
            ofTcp === bytes || (isLeftOut && ofTcp < bytes),
            `${ofTcp} of ${bytes} by tcp, ${direction}: ${message}`,
          );
        }
      }
    }
    assert(gaps <= leftOut, `${gaps} connections with gaps, but ${leftOut} runs left out`);
  }

  for (const [calls, name] of callKinds.entries()) {
    it(`are counted whole, byte by byte, and cut at random, by ${name}`, async () => {
      const agent = await started();
      const small = conversations.filter((conversation) => lengthOf(conversation) < mostBytesOneByOne);
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

  it("are counted with a cut at each place there is", async () => {
    const agent = await started();
    const short = conversations.filter((conversation) => lengthOf(conversation) < mostPlaces);
    play(
      short.map((conversation, index) => script(conversation, `e${index}`, index % callKinds.length, cuts.everywhere)),
    );
    assertCounted(await agent.scrape(), "e", short, (conversation) => lengthOf(conversation) - 1);
  });

  for (const family of socket === undefined ? ["6", "46"] : []) {
    it(`are counted over ${family === "6" ? "IPv6" : "IPv4 in sockets of IPv6"}`, async () => {
      const agent = await started();
      play(
        conversations.map((conversation, index) =>
          script(conversation, `v${family}${index}`, index % callKinds.length, cuts.random, index),
        ),
        family,
      );
      assertCounted(await agent.scrape(), `v${family}`, conversations, () => 1);
    });
  }

  return {
    started,
    assertBoth(samples, pid, requests) {
      for (const [role] of sides) {
        assert.deepEqual(counted(samples, role, { pid }), expected(requests, role, 1), role);
      }
      assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { pid }), 0);
      assert.equal(sum(samples, "ringtap_l7_skipped_bytes_total", { pid }), 0);
    },
  };
}
