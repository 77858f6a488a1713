/** A handle of each class, open and in use. */
import {
  native,
  type BpfIterator,
  type BpfMap,
  type BpfObject,
  type BpfRing,
  type Native,
} from "../../../src/binding/native.js";
import { compile, getppid } from "./fixture.js";

const ringFixture = compile("ring");
const mapFixture = compile("maps");

/** An object with its program attached, as each test here needs it. */
export function running(from: Native = native): { object: BpfObject; ring: BpfRing } {
  const object = from.open(ringFixture);
  object.setConstant("target_pid", process.pid);
  object.setConstant("target_nr", getppid);
  object.load();
  const ring = object.ring("events");
  object.attach("on_enter");
  return { object, ring };
}

interface Handles {
  readonly object: BpfObject;
  readonly ring: BpfRing;
  readonly map: BpfMap;
  readonly iterator: BpfIterator;
  readonly other: BpfObject;
}

export function oneOfEach(): Handles {
  const { object, ring } = running();
  const other = native.open(mapFixture);
  other.load();
  return { object, ring, map: object.map("counters"), iterator: other.iterator("each_task"), other };
}
