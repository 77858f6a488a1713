/** Instructions that keep a start in a map and find it again. What gets lost on the way is counted, by mark. */
import type { Label } from "./assembler.js";
import { Compiler } from "./compiler.js";
import { type Code, encode } from "./encoder.js";
import { writeFields } from "./fields.js";
import { helpers } from "./helpers.js";
import type { MarkPlan, StartPlan } from "./plan.js";

/** The map of what gets lost: its name, and where its numbers are. An entry for each mark, of each CPU. */
export const unmatchedMap = "unmatched";
export const unmatchedReasons = ["no_start", "replaced", "map_full"] as const;
type Reason = (typeof unmatchedReasons)[number];

/** Flags of bpf_map_update_elem(), and what it says of a key that is there (include/uapi/linux/bpf.h). */
const any = 0;
const onlyNew = 1;
const exists = -17;

function countUnmatched(compiler: Compiler, { index }: MarkPlan, reason: Reason): void {
  const { assembler } = compiler;
  const none = assembler.label();
  const key = assembler.frame(8);
  assembler.store(undefined, key, 4, { number: index });
  const counts = assembler.call(helpers.mapLookup, { map: unmatchedMap }, { frame: key });
  assembler.jump("eq", counts, { number: 0 }, none);
  assembler.addAtomically(counts, 8 * unmatchedReasons.indexOf(reason), assembler.number(1));
  assembler.place(none);
}

/** The program of a mark: it keeps a start for each event. `word`: see {@link Compiler}. */
export function compileMark(mark: MarkPlan, word?: number): Code {
  const compiler = new Compiler(mark.tracepoint, word);
  const { assembler } = compiler;
  const [full, end] = [assembler.label(), assembler.label()];
  if (mark.where !== undefined) {
    compiler.unless(mark.where, end);
  }
  const [key, value] = [assembler.frame(mark.key.end), assembler.frame(mark.value.end)];
  writeFields(compiler, mark.key, undefined, key);
  writeFields(compiler, mark.value, undefined, value);
  const update = (flags: number): number => {
    const error = assembler.call(
      helpers.mapUpdate,
      { map: mark.map },
      { frame: key },
      { frame: value },
      { number: flags },
    );
    // Before Linux 6.4 ("bpf: return long from bpf_map_ops funcs") it is an int: the register's upper half has no sign.
    assembler.alu("shl", error, { number: 32 });
    assembler.alu("shrSigned", error, { number: 32 });
    return error;
  };
  const added = update(onlyNew);
  assembler.jump("eq", added, { number: 0 }, end);
  assembler.jump("ne", added, { number: exists }, full);
  assembler.jump("ne", update(any), { number: 0 }, full);
  countUnmatched(compiler, mark, "replaced");
  assembler.goto(end);
  assembler.place(full);
  countUnmatched(compiler, mark, "map_full");
  assembler.place(end);
  assembler.exit();
  return encode(assembler);
}

/** Takes a start out of its map, into the frame; goes to `end`, and counts that, where there is none. */
export function takeStart(compiler: Compiler, { id, mark, key: layout }: StartPlan, end: Label): void {
  const { assembler } = compiler;
  const { value } = mark;
  const [key, frame] = [assembler.frame(layout.end), assembler.frame(value.end)];
  writeFields(compiler, layout, undefined, key);
  const found = assembler.label();
  const kept = assembler.call(helpers.mapLookup, { map: mark.map }, { frame: key });
  assembler.jump("ne", kept, { number: 0 }, found);
  compiler.branch(() => {
    countUnmatched(compiler, mark, "no_start");
  });
  assembler.goto(end);
  assembler.place(found);
  // Copied first: the place may be another start's as soon as it has been deleted.
  for (let at = 0; at < value.end; at += 8) {
    const copy = assembler.variable();
    assembler.load(copy, kept, at, 8);
    assembler.store(undefined, frame + at, 8, copy);
  }
  assembler.perform(helpers.mapDelete, { map: mark.map }, { frame: key });
  compiler.placeStart(id, value.fields, frame);
}
