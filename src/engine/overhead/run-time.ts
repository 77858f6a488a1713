/** What the programs of an object cost, as they time themselves: see `bpf/include/ringtap/run_time.h`. */
import type { BpfMap, BpfObject } from "../../binding/native.js";

const mapName = "run_time";
const windowName = "run_window";

/** Bytes of struct run_window and struct run_time. */
const windowBytes = 16;
const timeBytes = 16;

const open = Uint8Array.from({ length: windowBytes }, (_, at) => (at === 0 ? 1 : 0));
const closed = new Uint8Array(windowBytes);

/** Runs of programs that began while the window was open. */
export interface RunTime {
  readonly runs: number;
  /** Without what the clock takes: of few runs that did next to nothing, it may be a little below 0. */
  readonly nanoseconds: number;
}

/** The window of one object. */
export class RunWindow {
  readonly #object: BpfObject;
  readonly #map: BpfMap;

  private constructor(object: BpfObject, map: BpfMap) {
    this.#object = object;
    this.#map = map;
  }

  /** That of a loaded object; undefined where its programs do not time themselves. */
  static of(object: BpfObject): RunWindow | undefined {
    const info = object.maps.find(({ name }) => name === mapName);
    return info?.valueSize === timeBytes && object.variables(windowName).includes(windowName)
      ? new RunWindow(object, object.map(mapName))
      : undefined;
  }

  /** From now on runs are timed. */
  open(): void {
    this.#object.setVariable(windowName, open);
  }

  /** Runs that begin from now on are not timed. */
  close(): void {
    this.#object.setVariable(windowName, closed);
  }

  /** What has been timed in all windows. */
  read(): RunTime {
    this.#map.readAll();
    const [runs = 0n, nanoseconds = 0n] = new BigInt64Array(this.#map.values, 0, 2);
    return { runs: Number(runs), nanoseconds: Number(nanoseconds) };
  }
}
