/** The tally of system calls against a plain Map, fed with records as they lie in a ring. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SyscallEvent } from "../../../src/signals/syscall/records.js";
import { Identity } from "../../../src/identity/identity.js";
import { Catalog } from "../../../src/metrics/catalog.js";
import { secondsPower } from "../../../src/metrics/log2.js";
import { CallTally } from "../../../src/signals/syscall/call-tally.js";
import { callSlots, firstPower } from "../../../src/signals/syscall/metrics.js";
import { seededRandom } from "../../metrics/random.js";

interface Call {
  readonly tgid: number;
  readonly comm: string;
  readonly nr: number;
  readonly error: number;
  readonly duration: number;
}

/** A view on one record, and a way to write it. */
function writableEvent() {
  const memory = new ArrayBuffer(SyscallEvent.size);
  const view = new DataView(memory);
  const event = new SyscallEvent();
  event.bind(memory);
  event.moveTo(0, SyscallEvent.size);
  return {
    event,
    write: ({ tgid, comm, nr, error, duration }: Call): void => {
      view.setBigUint64(8, BigInt(duration), true);
      view.setUint32(24, tgid, true);
      new Uint8Array(memory, 32, 16).fill(0);
      new Uint8Array(memory, 32, 16).set(Buffer.from(comm));
      view.setUint32(72, nr, true);
      view.setUint32(76, error, true);
    },
  };
}

/** What a tally and a Map make of the same calls; the tally is emptied now and then. */
function countBoth(
  calls: Iterable<Call>,
  emptyAfter: number,
): [tallied: Map<string, number[]>, mapped: typeof tallied] {
  const identity = new Identity(new Catalog(), ["pid", "comm"], { limit: 100_000 });
  const { event, write } = writableEvent();
  const tallied = new Map<string, number[]>();
  const mapped = new Map<string, number[]>();
  const add = (counts: Map<string, number[]>, key: string, nanoseconds: number, slots: ArrayLike<number>): void => {
    const sums = counts.get(key) ?? new Array<number>(1 + callSlots).fill(0);
    counts.set(
      key,
      sums.map((sum, index) => sum + (index === 0 ? nanoseconds : (slots[index - 1] as number))),
    );
  };
  const tally = new CallTally(identity, ({ actor, nr, error, nanoseconds, slots }) => {
    add(tallied, `${identity.subjects.text(identity.subject(actor))} ${nr} ${error}`, nanoseconds, slots);
  });
  let count = 0;
  for (const call of calls) {
    write(call);
    tally.add(event);
    const slots = new Array<number>(callSlots).fill(0);
    slots[Math.min(Math.max(secondsPower(call.duration) - firstPower, 0), callSlots - 1)] = 1;
    add(mapped, `pid="${call.tgid}",comm="${call.comm}" ${call.nr} ${call.error}`, call.duration, slots);
    if (++count % emptyAfter === 0) {
      tally.empty();
    }
  }
  tally.empty();
  return [tallied, mapped];
}

describe("a tally of calls", () => {
  it("counts what a Map counts, by process, name, number and errno", () => {
    const random = seededRandom(7);
    const calls = Array.from({ length: 50_000 }, () => ({
      tgid: 1 + random(50),
      comm: `comm-${random(3)}`,
      nr: random(4) === 0 ? 0x80000000 + random(5) : random(20),
      error: random(3) === 0 ? 1 + random(3) : 0,
      duration: Math.floor(2 ** (random(430) / 10)),
    }));
    const [tallied, mapped] = countBoth(calls, 9_973);
    assert.equal(mapped.size > 5_000, true);
    assert.deepEqual(tallied, mapped);
  });

  it("hands its lines over by itself when there are too many", () => {
    function* many(): Generator<Call> {
      for (let tgid = 1; tgid <= 70_000; tgid++) {
        yield { tgid, comm: "many", nr: 39, error: 0, duration: 300 };
        yield { tgid, comm: "many", nr: 39, error: 0, duration: 300 };
      }
    }
    const [tallied, mapped] = countBoth(many(), Infinity);
    assert.equal(mapped.size, 70_000);
    assert.deepEqual(tallied, mapped);
  });
});
