/** What a traced record says: by whom it was, the signal's own fields, and where the process ran. */
import { cgroupLabels, type Cgroups } from "../../identity/cgroups.js";
import { eventFields, type TraceableSignal } from "../../views/trace-event.js";
import { type EventRecord, hasActor, type Ring, type TraceType, type TraceValue } from "../../sdk/signal.js";

/** Fields by name, in the order in which they are shown; what a record does not have is undefined or missing. */
export type Fields = Readonly<Record<string, TraceValue>>;

/** A record that is to be printed. */
export interface TracedEvent {
  readonly record: EventRecord;
  readonly fields: Fields;
  readonly failed: boolean;
  /** Did it take as long as `--slow` says? */
  readonly slow: boolean;
}

/** The fields of an event whose record says who did it. */
export const actorTypes = { pid: "integer", tid: "integer", comm: "string", thread_comm: "string" } as const;

/** Every field that an event of a signal can have besides `time` and `signal`, by its type. */
export function fieldTypes(signal: TraceableSignal): Readonly<Record<string, TraceType>> {
  return hasActors(signal)
    ? { ...actorTypes, ...signal.trace.types, ...Object.fromEntries(cgroupLabels.map((label) => [label, "string"])) }
    : signal.trace.types;
}

/** Do the records of a signal say who did it? */
export function hasActors({ ring }: TraceableSignal): boolean {
  return ring !== undefined && hasActor(new (ring as Ring<EventRecord>).record());
}

/** Reads the fields of a signal's records; `cgroups` tell where their processes ran. */
export function fieldReader(signal: TraceableSignal, cgroups: Cgroups): (record: EventRecord) => Fields {
  return (record) => {
    const fields: Record<string, TraceValue> = eventFields(signal, record);
    if (!hasActor(record)) {
      return fields;
    }
    const names = cgroups.names(record.cgroup);
    for (const label of cgroupLabels) {
      const name = names[label];
      if (name !== undefined && name !== "") {
        fields[label] = name;
      }
    }
    return fields;
  };
}

/** Does a field hold a time span? */
export function isDuration(field: string): boolean {
  return field.endsWith("_seconds");
}
