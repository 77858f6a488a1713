/** Signals that are built when they are loaded: {@link whenLoaded}. */
import type { FlagTable, FlagValues } from "../sdk/flags.js";
import type { AnySignal, EventRecord, SignalContext, SignalHost, TraceType } from "../sdk/signal.js";
import { absentSignal, flags, traceShape } from "./built-signal.js";
import type { Header } from "./definition.js";
import { described } from "./values.js";

/** What is known of a signal before it is built. */
export interface Declared extends Required<Header> {
  /** It runs only where it is asked for by name. */
  readonly optIn?: boolean;
  /** The fields of its records, as `record` has them, with their types. What has words, or is a boolean, is what a trace counts by. */
  readonly record?: Readonly<Record<string, TraceType>>;
}

/** The type of a field as a built signal has it, which knows no words. */
function plain(type: TraceType): TraceType {
  return typeof type === "object" ? "string" : type;
}

/** Says how the records of the built signal differ from what has been declared. Throws. */
function checkRecord(declared: Declared["record"] = {}, { trace }: AnySignal): void {
  const text = (types: Readonly<Record<string, TraceType>>): string =>
    Object.entries(types)
      .map(([field, type]) => `${field} ${String(plain(type))}`)
      .sort()
      .join(", ");
  const [wanted, found] = [text(declared), text(trace?.types ?? {})];
  if (wanted !== found) {
    throw new TypeError(`record: its fields are ${found}, and declared as ${wanted}`);
  }
}

/** A signal that has been built. Throws where it is none, or another one than declared. */
function checked(name: string, signal: unknown): AnySignal {
  const found: unknown = typeof signal === "object" && signal !== null ? Reflect.get(signal, "name") : undefined;
  if (found !== name) {
    throw new TypeError(
      `whenLoaded: its function returned ${found === undefined ? "no signal" : `the signal ${described(found)}`}: expected ${name}`,
    );
  }
  const built = signal as AnySignal;
  const known = Object.keys(flags);
  // Those of marks would have to be known before.
  if (Object.keys((built.flags ?? {}) as FlagTable).some((flag) => !known.includes(flag))) {
    throw new TypeError("whenLoaded: its function returned a signal with marks: expected one without");
  }
  return built;
}

/**
 * A signal of which the builder runs when it is loaded, not already when its module is: so that its name, its flags and its fields are
 * known on machines that do not run it, and nothing is read of the kernel. It has no marks.
 */
export function whenLoaded(declared: Declared, build: () => AnySignal): AnySignal {
  const { name, summary, optIn = false, record } = declared;
  let known: AnySignal | undefined;
  const built = (): AnySignal => {
    try {
      return (known ??= checked(name, build()));
    } catch (error) {
      return absentSignal(declared, error as Error);
    }
  };
  const outcome = Object.entries(record ?? {}).flatMap(([field, type]) =>
    typeof type === "object" || type === "boolean" ? [field] : [],
  );
  return {
    api: 1,
    name,
    summary,
    optIn,
    flags,
    object: () => {
      const { object } = built();
      // Where the kernel lacks something, this is what says so.
      const bytes = typeof object === "function" ? object() : object;
      checkRecord(record, built());
      return bytes as Uint8Array;
    },
    ...(record === undefined
      ? {}
      : {
          ring: {
            get record() {
              return built().ring?.record as NonNullable<AnySignal["ring"]>["record"];
            },
          },
          trace: {
            ...traceShape(record, outcome),
            fields: (event: EventRecord) => built().trace?.fields(event) ?? {},
          },
        }),
    setup: (values: FlagValues<FlagTable>, host: SignalHost) => built().setup?.(values, host) ?? {},
    start: (context: SignalContext, values: FlagValues<FlagTable>) => {
      const signal = built();
      return { ...signal.start(context, values), ...(signal.views === undefined ? {} : { views: signal.views }) };
    },
  };
}
