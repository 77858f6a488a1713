/** Tests of questions of DNS by conversations of which each one is known, over UDP and TCP, at both ends. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { it } from "node:test";

import { startAgent, unlimitedSeries } from "./agent.js";
import { labelIn, type Suite, tag, tally, testConversations } from "./conversations.js";
import {
  conversations,
  type DnsConversation,
  long,
  longAnswers,
  overTcp,
  type Question,
  questionsOf,
  short,
} from "./dns-conversations.js";
import { eventually } from "./eventually.js";
import { networkNamespace } from "./network.js";
import { compileProgram } from "./program.js";
import { type Samples, select, sum } from "./samples.js";
import type { Scope } from "./scope.js";

const metrics = {
  client: "dns_lookup_duration_seconds",
  server: "ringtap_dns_server_lookup_duration_seconds",
} as const;
const labels = ["dns_question_type", "dns_response_code", "error_type"];
const roles = ["client", "server"] as const;

const player = compileProgram(
  "dns-player",
  readFileSync(new URL("../../../../test/kernel/programs/dns-conversations.c", import.meta.url), "utf8"),
);

/** Kinds of calls; families of addresses, and whether the client's socket is connected. */
const callKinds = ["send and receive", "peek, write and read", "sendmsg and recvmsg", "sendmmsg and recvmmsg"];
const sockets = [
  [4, 1],
  [4, 0],
  [6, 1],
  [6, 0],
  [46, 1],
] as const;

function script(
  { steps }: DnsConversation,
  comm: string,
  calls: number,
  [family, connected]: readonly [number, number],
) {
  const lines = steps.map(([who, what]) => `${who} ${who === "W" ? what : what.toString("hex") || "-"}\n`);
  return `N ${comm} ${calls} ${family} ${connected}\n${lines.join("")}E\n`;
}

/** What there is of each comm. */
function byComm(samples: Samples): ReadonlyMap<string, Samples> {
  const found = new Map<string, Map<string, number>>();
  for (const [series, value] of samples) {
    const comm = labelIn(series, "comm");
    if (comm.startsWith(`${tag}d-`)) {
      found.set(comm, (found.get(comm) ?? new Map<string, number>()).set(series, value));
    }
  }
  return found;
}

/** Asserts that both ends of a conversation, which was played under this name by these sockets, have been counted. */
function assertCounted(
  found: Samples,
  conversation: DnsConversation,
  comm: string,
  played: readonly (typeof sockets)[number][],
): void {
  const { steps, unanswered = [], repeated = 0, strays = 0, malformed = 0, unknownBytes = 0 } = conversation;
  const message = `${conversation.name} (${comm})`;
  const times = played.length;
  const expected = tally(
    questionsOf(conversation, "timeout").map(
      ([type, code, error = ""]) => [`${type} ${code} ${error}`, times] as const,
    ),
  );
  for (const role of roles) {
    const series = [...select(found, `${metrics[role]}_count`, {})];
    const counted = tally(
      series.map(([text, count]) => [labels.map((label) => labelIn(text, label)).join(" "), count] as const),
    );
    const of = (metric: string, more = {}): number =>
      sum(found, `ringtap_l7_${metric}_total`, { protocol: "dns", role, ...more });
    assert.deepEqual(counted, expected, `${role}: ${message}`);
    assert.deepEqual(
      {
        repeated: of("repeated_requests"),
        strays: of("stray_responses"),
        malformed: of("lost_requests", { reason: "malformed" }),
        lost: of("lost_requests"),
        unanswered: of("unanswered_requests", { reason: "timeout" }),
      },
      {
        repeated: times * repeated,
        strays: times * strays,
        malformed: times * malformed,
        lost: times * malformed,
        unanswered: times * unanswered.length,
      },
      `${role}: ${message}`,
    );
    for (const direction of ["sent", "received"]) {
      const isClients = role === "client";
      const who = isClients === (direction === "sent") ? "C" : "S";
      const bytes = steps.reduce((total, [sender, what]) => total + (sender === who ? what.length : 0), 0);
      const unknowing = isClients && who === "S" ? played.filter(([, connected]) => connected === 0).length : 0;
      const seen = times * bytes - unknowing * unknownBytes;
      assert.equal(of("bytes", { direction }), seen, `${role}, ${direction}: ${message}`);
    }
  }
}

/** Declares the tests, which share an agent. */
export function testQuestions(scope: Scope, options: Pick<Suite<Question>, "build"> = {}): void {
  let network: ReturnType<typeof networkNamespace> | undefined;
  const inside = (): readonly string[] => (network ??= networkNamespace(scope)).prefix;
  const { started } = testConversations<Question>(scope, {
    conversations: conversations.filter(({ isOfDatagrams }) => isOfDatagrams !== true).map(overTcp),
    metrics,
    labels,
    valuesOf: ([type, code, error = ""]) => [type, code, error],
    port: 53,
    prefix: inside(),
    flags: ["--l7.dns-timeout=2s"],
    ...options,
  });

  async function play(scripts: readonly string[], prefix = inside()): Promise<void> {
    const [command, ...args] = [...prefix, player];
    await new Promise<void>((resolve, reject) => {
      const child = execFile(command, args, (error) => (error instanceof Error ? reject(error) : resolve()));
      child.stdin?.end(scripts.join(""));
    });
  }

  const isPausing = ({ steps }: DnsConversation): boolean => steps.some(([who]) => who === "W");

  it("are counted in datagrams of each kind of socket, by each kind of call, with their time-outs", async (t) => {
    const agent = await started();
    const named = conversations.map((conversation, index) => [conversation, `${tag}d-${index}`] as const);
    const pausing = named.filter(([conversation]) => isPausing(conversation));
    const others = named.filter(([conversation]) => !isPausing(conversation));
    const pauses = pausing.map(([conversation, comm]) =>
      play([script(conversation, comm, 0, sockets[0])], networkNamespace(t).prefix),
    );
    const all = callKinds.flatMap((_, calls) => sockets.map((socket) => [calls, socket] as const));
    await play(
      all.flatMap(([calls, socket]) => others.map(([conversation, comm]) => script(conversation, comm, calls, socket))),
    );
    await Promise.all(pauses);
    await eventually(async () => {
      const samples = byComm(await agent.scrape());
      const played = all.map(([, socket]) => socket);
      for (const [conversation, comm] of named) {
        const found = samples.get(comm) ?? new Map<string, number>();
        assertCounted(found, conversation, comm, isPausing(conversation) ? [sockets[0]] : played);
      }
    });
  });

  it("are found behind one that is too long for a socket of which nothing is known, in the same call", async (t) => {
    // Of a new agent, since a socket whose memory was that of one that has asked may ask at length.
    const agent = await startAgent(t, ["--signals=l7", ...unlimitedSeries], options.build);
    const comm = `${tag}d-long`;
    const conversation = { name: "a long question first", steps: [long, short, ...longAnswers], questions: [] };
    await play([script(conversation, comm, callKinds.indexOf("sendmmsg and recvmmsg"), [4, 0])]);
    const found = byComm(await agent.scrape()).get(comm) ?? new Map<string, number>();
    const types = (role: (typeof roles)[number]): Record<string, number> =>
      tally(
        [...select(found, `${metrics[role]}_count`, {})].map(
          ([text, count]) => [labelIn(text, "dns_question_type"), count] as const,
        ),
      );
    assert.deepEqual([types("client"), types("server")], [{ AAAA: 1 }, { AAAA: 1, MX: 1 }]);
    assert.equal(sum(found, "ringtap_l7_lost_requests_total", {}), 0);
  });
}
