/** Requests and bytes that the kernel counts: what its maps (bpf/l7/request_counts.h) have grown by, as metrics. */
import {
  actorKeyAt,
  CountedActor,
  Dimension,
  otherTgid,
  processOwner,
  readCounters,
  type Running,
  type SignalContext,
} from "ringtap/signal";

import { ActiveRequests } from "./active.js";
import { CarriedBytes } from "./carried-bytes.js";
import { Links } from "./links.js";
import { errors, protocols, roles } from "./protocols.js";
import { FlowLine, L7Event } from "./records.js";
import { numberOf, partsOf, type RecordTextsByName, RequestTables } from "./request-tables.js";
import type { UnnamedRequests } from "./http2/unnamed.js";
import type { Routes } from "./routes/routes.js";
import { KnownPaths } from "./routes/known-paths.js";
import { SizeTables } from "./size-tables.js";
import { TextNumbers } from "./texts.js";
import { TlsCounts } from "./tls/counts.js";
import type { UnixNames } from "./unix.js";

/** enum reason of bpf/l7/connection.h. */
const reasons = ["joined_late", "gap", "unreadable", "malformed", "map_full"] as const;

/** enum left_out_for of bpf/l7/left_out.h. */
const leftOutFor = ["port", "process"] as const;

/** By number, as bpf/l7/connection.h has them. */
const directions = ["received", "sent"] as const;

/** enum bytes of bpf/l7/request_counts.h; those that are skipped follow, by reason. */
const byteKinds = ["parsed", "opaque"] as const;

/** Of enum l7_error: the ends without a response. */
const unansweredReasons: ReadonlySet<string> = new Set(["closed", "reset", "timeout"]);

/** Where a struct request_key has its route, in words: behind the actor. */
const routeAt = actorKeyAt.cgroup + 2;

/** In the number of a line of bytes: WITHIN_UNIX and WITHIN_TLS there. */
const withinUnixBit = 32;
const withinTlsBit = 64;

/** Has the kernel count the questions that have waited for too long. */
export function giveUp(context: SignalContext): () => Promise<void> {
  const unanswered = context.scan("l7_unanswered", L7Event, "datagrams");
  return async () => {
    await unanswered.run(() => undefined);
  };
}

/** What is counted besides, as flags say. */
interface Wanted {
  readonly tls: boolean;
  readonly unix: boolean;
  readonly sizes: boolean;
}

/** Requests count for the name and the control group that the process had when they ended. */
export function startCounting(
  context: SignalContext,
  { unix: unixNames, ...texts }: RecordTextsByName & { readonly routes: Routes; readonly unix: UnixNames | undefined },
  { tls, unix, sizes: areSized }: Wanted,
  unnamed: UnnamedRequests | undefined,
): Running<L7Event> {
  const { metrics, identity } = context;
  const { subjects } = identity;
  const kinds = new Set(protocols.flatMap(({ metrics: kind }) => kind ?? []));
  const tables = new Map(
    Array.from(kinds, (kind) => [kind, new RequestTables(context, kind, texts, unixNames)] as const),
  );
  const ofProtocols = protocols.map(({ metrics: kind }) => kind && tables.get(kind));
  const sized = areSized ? [...kinds].filter(({ sizes }) => sizes !== undefined) : [];
  const sizeTables = new Map(sized.map((kind) => [kind, new SizeTables(context, kind)] as const));
  const active = new ActiveRequests(context, [...kinds]);
  const outcome = new Dimension(["protocol", "role", "reason"]);
  const bytes = new Dimension(["protocol", "role", "direction", "kind"]);
  const unanswered = metrics.counter({
    name: "ringtap_l7_unanswered_requests_total",
    help: "Requests without a response: their connection ended, or too much time passed; they are among those of the protocol's own metric.",
    subject: subjects,
    detail: outcome,
  });
  const lost = metrics.counter({
    name: "ringtap_l7_lost_requests_total",
    help: "Requests of which it is not known how they ended, by reason.",
    subject: subjects,
    detail: outcome,
  });
  const unmatched = new Dimension(["protocol", "role"]);
  const repeated = metrics.counter({
    name: "ringtap_l7_repeated_requests_total",
    help: "DNS questions that had been asked before, with the same id on the same socket, and still waited; they are requests like others.",
    subject: subjects,
    detail: unmatched,
  });
  const stray = metrics.counter({
    name: "ringtap_l7_stray_responses_total",
    help: "DNS responses to no question that waits: answered before, too late, or with another id.",
    subject: subjects,
    detail: unmatched,
  });
  const carried = metrics.counter({
    name: "ringtap_l7_bytes_total",
    help: "Payload bytes of TCP connections and of DNS datagrams: parsed, opaque (of no protocol that is known), or skipped.",
    subject: subjects,
    detail: bytes,
  });
  const skippedDetail = new Dimension(["protocol", "role", "direction", "reason"]);
  const skipped = metrics.counter({
    name: "ringtap_l7_skipped_bytes_total",
    help: "Bytes that were skipped, by reason; they are among those of ringtap_l7_bytes_total.",
    subject: subjects,
    detail: skippedDetail,
  });
  const withinTls = tls ? new TlsCounts(metrics, subjects) : undefined;
  const overUnix = unix
    ? new CarriedBytes(
        metrics,
        subjects,
        "ringtap_l7_unix_bytes_total",
        "Bytes over Unix sockets: parsed, opaque (of no protocol that is known, or of TLS), or skipped.",
      )
    : undefined;
  const owner = processOwner(identity, actorKeyAt.start);
  const requests = context.counters("requests", { keys: "request_keys", owner });
  const flows = context.counters("flows", { keys: "flow_keys", owner });
  const sizes = areSized ? [context.counters("sizes", { keys: "size_keys", owner })] : [];
  const leftOut = context.counters("left_out");
  const knownPaths = new KnownPaths(context.map("known_paths"));
  const actor = new CountedActor();
  /** Requests that have been read from lines and were to have no record: the account has the others. */
  let collected = 0;
  let watches: readonly Links[] = [];

  const subjectOf = (key: Uint32Array): number =>
    key[actorKeyAt.tgid] === otherTgid ? subjects.other : identity.subject(identity.of(actor.moveTo(key)));

  function addUnanswered(subject: number, protocol: number, role: number, error: number, requests: number): void {
    const reason = errors[error] ?? "";
    if (unansweredReasons.has(reason)) {
      unanswered.add(subject, outcome.intern(protocols[protocol]?.name ?? "", roles[role] ?? "", reason), requests);
    }
  }

  /** The key is a struct request_key, the counts are those of struct request_line. */
  function takeRequests(key: Uint32Array, counts: Float64Array): void {
    const number = key[actorKeyAt.number] as number;
    const { protocol, role, error } = partsOf(number);
    const subject = subjectOf(key);
    const dropped = counts[1] as number;
    const added = ofProtocols[protocol]?.add(subject, number, key[routeAt] as number, counts) ?? 0;
    addUnanswered(subject, protocol, role, error, added);
    collected += added - dropped;
  }

  /** The same of struct size_line. */
  function takeSizes(key: Uint32Array, counts: Float64Array): void {
    const number = key[actorKeyAt.number] as number;
    const kind = protocols[partsOf(number).protocol]?.metrics;
    if (kind !== undefined) {
      sizeTables.get(kind)?.add(subjectOf(key), number, counts);
    }
  }

  /** A request that has a record is in no line. */
  function takeRecord(event: L7Event): void {
    const subject = identity.subject(identity.of(event));
    const { protocol, role, error } = event;
    const text = ofProtocols[protocol]?.addRecord(subject, numberOf(event), event) ?? TextNumbers.unknown;
    if (text !== TextNumbers.unknown) {
      knownPaths.meet(event, text);
    }
    texts.routes.end(event);
    if (error !== 0) {
      addUnanswered(subject, protocol, role, error, 1);
    }
  }

  /** The same of struct flow_line; its number is the protocol's, doubled, and the role. */
  function takeFlows(key: Uint32Array, counts: Float64Array): void {
    const number = key[actorKeyAt.number] as number;
    const subject = subjectOf(key);
    const protocol = (number & (withinUnixBit - 1)) >>> 1;
    const { name = "" } = protocols[protocol] ?? {};
    const role = protocol === 0 ? "unknown" : (roles[number & 1] ?? "");
    const apart =
      (number & withinTlsBit) !== 0 ? withinTls?.bytes : (number & withinUnixBit) !== 0 ? overUnix : undefined;
    const lostAt = FlowLine.receivedLength + FlowLine.sentLength;
    for (const [direction, at] of [
      ["received", 0],
      ["sent", FlowLine.receivedLength],
    ] as const) {
      const add = (kind: string, count: number, reason = ""): void => {
        if (count !== 0 && apart !== undefined) {
          apart.add(subject, [name, role, direction, kind, reason], count);
        } else if (count !== 0) {
          carried.add(subject, bytes.intern(name, role, direction, kind), count);
          if (reason !== "") {
            skipped.add(subject, skippedDetail.intern(name, role, direction, reason), count);
          }
        }
      };
      for (const [index, kind] of byteKinds.entries()) {
        add(kind, counts[at + index] as number);
      }
      for (const [index, reason] of reasons.entries()) {
        add("skipped", counts[at + byteKinds.length + index] as number, reason);
      }
      add("tls", counts[at + byteKinds.length + reasons.length] as number);
    }
    for (const [index, reason] of reasons.entries()) {
      const count = counts[lostAt + index] as number;
      if (count !== 0) {
        lost.add(subject, outcome.intern(name, role, reason), count);
      }
    }
    for (const [index, counter] of [repeated, stray].entries()) {
      const count = counts[lostAt + FlowLine.lostLength + index] as number;
      if (count !== 0) {
        counter.add(subject, unmatched.intern(name, role), count);
      }
    }
    withinTls?.addConnections(subject, counts.subarray(lostAt + FlowLine.lostLength + 2));
  }

  /** Bytes that are left out, by enum left_out_for of bpf/l7/left_out.h and direction: of whatever process. */
  function takeLeftOut([index = 0]: Uint32Array, [count = 0]: Float64Array): void {
    const labels = ["unknown", "unknown", directions[index & 1] ?? ""] as const;
    carried.add(subjects.other, bytes.intern(...labels, "skipped"), count);
    skipped.add(subjects.other, skippedDetail.intern(...labels, leftOutFor[index >>> 1] ?? ""), count);
  }

  const giveUpQuestions = giveUp(context);

  async function read(): Promise<void> {
    await giveUpQuestions();
    await readCounters(leftOut, takeLeftOut);
    await readCounters(flows, takeFlows);
    await readCounters(requests, takeRequests);
    for (const counters of sizes) {
      await readCounters(counters, takeSizes);
    }
    texts.routes.drain();
    await unnamed?.read();
  }

  return {
    records(batch) {
      while (batch.next()) {
        takeRecord(batch.record);
        for (const links of watches) {
          links.addRecord(batch.record);
        }
      }
    },
    watchLinks() {
      const links: Links = new Links(identity, context.peers, () => {
        watches = watches.filter((other) => other !== links);
      });
      watches = [...watches, links];
      return links;
    },
    async collect() {
      await read();
      await active.read();
    },
    maintain: read,
    // What maps a library, and which Unix sockets are still there, is asked every second.
    maintainMayWait: !tls && !unix,
    stats: () => ({
      collected,
      memoryAtLimit: [requests, flows, ...sizes, leftOut, knownPaths, ...Object.values(texts), unixNames].reduce(
        (total, part) => total + (part?.memoryAtLimit ?? 0),
        0,
      ),
      mapEntries: [requests, flows, ...sizes].map(({ name, size }) => [name, size] as const),
    }),
  };
}
