/** The histograms of requests. */
import {
  Dimension,
  type HistogramTable,
  type PeerDirectory,
  peerOf,
  remoteExemplar,
  showRemote,
  type SignalContext,
} from "ringtap/signal";

import type { RequestMetrics, Told } from "./protocols/protocol.js";
import { errors, otherOperation, protocols, roles } from "./protocols.js";
import { type L7Event, RequestLine } from "./records.js";
import type { RequestRecord } from "./routes/routes.js";
import { mostTexts, TextNumbers } from "./texts.js";
import { isOverUnix, type UnixNames } from "./unix.js";

/** Slots are counted from 2^-18 s on: FIRST_POWER of bpf/l7/request_counts.h. */
const firstPower = -18;

/** Where the slots of a line begin, behind the nanoseconds and the records that are lost. */
const slotsAt = 2;

/** In place of a peer: that of a request without a record. */
const unknownPeer = 0;

/** A request's number, put together as bpf/l7/request_counts.h does. */
export function numberOf({ protocol, role, error, operation, status }: L7Event): number {
  return (protocol << 24) | (role << 23) | (error << 20) | (operation << 10) | status;
}

/** A request's number, taken apart as bpf/l7/request_counts.h puts it together. */
export function partsOf(number: number) {
  return {
    status: number & 1023,
    operation: (number >>> 10) & 1023,
    error: (number >>> 20) & 7,
    role: (number >>> 23) & 1,
    protocol: number >>> 24,
  };
}

/** What tells a label of requests by their records: routes, or names of questions. */
export interface RecordTexts {
  /** Is there to be such a label? */
  readonly areWanted: boolean;
  readonly memoryAtLimit: number;
  /** The number of a record's text, such as {@link TextNumbers} has them. */
  of(record: RequestRecord): number;
  text(number: number): string;
}

/** By what protocols call them. */
export type RecordTextsByName = Readonly<Record<"routes" | "names", RecordTexts>>;

/** The histograms of a kind of protocols, by role. */
export class RequestTables {
  readonly #details: readonly Dimension[];
  readonly #tables: readonly HistogramTable[];
  /** Where requests of this kind have them. */
  readonly #texts: RecordTexts | undefined;
  readonly #told: Told | undefined;
  readonly #peers: PeerDirectory | undefined;
  readonly #unix: UnixNames | undefined;
  /** Ids of labels by a request's peer and text, and by its number. */
  readonly #labels = new Map<number, Map<number, number>>();

  constructor(
    { metrics, identity, peers }: SignalContext,
    kind: RequestMetrics,
    texts: RecordTextsByName,
    unix?: UnixNames,
  ) {
    const { told, labels } = kind;
    this.#told = told !== undefined && texts[told.by].areWanted ? told : undefined;
    this.#texts = this.#told && texts[this.#told.by];
    this.#peers = peers;
    this.#unix = unix;
    const ofPeers = peers?.dimension.names ?? [];
    this.#details = roles.map((role) => new Dimension([...labels, ...(this.#told?.[role] ?? []), ...ofPeers]));
    this.#tables = roles.map((role, index) =>
      metrics.histogram({
        ...kind[role],
        subject: identity.subjects,
        detail: this.#details[index],
        exemplar: remoteExemplar,
        firstPower,
      }),
    );
  }

  /** Adds requests of one number and text: the counts of struct request_line behind its key. Returns how many that were. */
  add(subject: number, number: number, text: number, counts: Float64Array): number {
    const table = this.#tables[partsOf(number).role] as HistogramTable;
    const label = this.#label(number, text, unknownPeer);
    const nanoseconds = counts[0] as number;
    const row = table.row(subject, label);
    return table.addSlots(row, firstPower, counts, nanoseconds, slotsAt, slotsAt + RequestLine.slotsLength);
  }

  /** Adds a request that has a record. Returns the number of its text. */
  addRecord(subject: number, number: number, event: L7Event): number {
    const table = this.#tables[event.role];
    if (table === undefined) {
      return TextNumbers.unknown;
    }
    const peer = this.#peers === undefined ? unknownPeer : 1 + this.#peerOf(this.#peers, event);
    const text = this.#texts?.of(event) ?? TextNumbers.unknown;
    const row = table.row(subject, this.#label(number, text, peer));
    table.observeAt(row, event.duration);
    showRemote(table, row, event);
    return text;
  }

  #peerOf(peers: PeerDirectory, event: L7Event): number {
    return this.#unix !== undefined && isOverUnix(event)
      ? this.#unix.peerOf(peers.dimension, event)
      : peerOf(peers, event);
  }

  #label(number: number, text: number, peer: number): number {
    const key = peer * mostTexts + text;
    let labels = this.#labels.get(key);
    if (labels === undefined) {
      labels = new Map<number, number>();
      this.#labels.set(key, labels);
    }
    let label = labels.get(number);
    if (label === undefined) {
      label = this.#intern(number, text, peer);
      labels.set(number, label);
    }
    return label;
  }

  #intern(number: number, text: number, peer: number): number {
    const { protocol, role, operation, status, error } = partsOf(number);
    const detail = this.#details[role] as Dimension;
    const failure = error === 0 ? "" : (errors[error] ?? "");
    const values = protocols[protocol]?.values(operation, status, failure, roles[role] ?? "client");
    if (operation === otherOperation || !values) {
      return detail.other;
    }
    return detail.intern(...values, ...this.#toldValues(text), ...this.#peerValues(peer));
  }

  /** The values of the labels that records tell. */
  #toldValues(text: number): readonly string[] {
    const shown = this.#texts?.text(text);
    return shown === undefined ? [] : (this.#told?.split?.(shown) ?? [shown]);
  }

  #peerValues(peer: number): readonly string[] {
    const { dimension } = this.#peers ?? {};
    if (dimension === undefined) {
      return [];
    }
    return peer === unknownPeer ? dimension.names.map(() => "~unknown") : dimension.values(peer - 1);
  }
}
