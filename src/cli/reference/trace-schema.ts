/** The JSON Schema of what `trace --output json` prints: docs/trace.schema.json. */
import type { TraceType } from "../../sdk/signal.js";
import type { TraceableSignal } from "../../views/trace-event.js";
import { actorTypes, fieldTypes, hasActors, isDuration } from "../trace/fields.js";

type Schema = Readonly<Record<string, unknown>>;

/** What every event has. */
const always = ["time", "signal"];

function schemaOf(field: string, type: TraceType): Schema {
  if (typeof type === "object") {
    return { enum: type };
  }
  return isDuration(field) ? { type, minimum: 0 } : { type };
}

function eventSchema(signal: TraceableSignal): Schema {
  const fields = Object.entries(fieldTypes(signal));
  return {
    type: "object",
    description: signal.summary,
    properties: {
      time: { type: "string", format: "date-time" },
      signal: { const: signal.name },
      ...Object.fromEntries(fields.map(([field, type]) => [field, schemaOf(field, type)])),
    },
    required: hasActors(signal) ? [...always, ...Object.keys(actorTypes)] : always,
  };
}

/** One line is one event of one signal. Later versions may add fields, so others are let through. */
export function traceSchema(signals: readonly TraceableSignal[]): Schema {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    $id: "urn:ringtap:trace",
    title: "An event of ringtap trace --output json",
    oneOf: signals.map(({ name }) => ({ $ref: `#/definitions/${name}` })),
    definitions: Object.fromEntries(signals.map((signal) => [signal.name, eventSchema(signal)])),
  };
}
