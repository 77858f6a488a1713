/** The metrics of a prom-client registry as protobuf. */
import type { Registry } from "prom-client";
import {
  delimiter,
  familyHeader,
  fields,
  labelRoom,
  timestampRoom,
  writeBucket,
  writeLabel,
  writeTimestamp,
} from "./messages.js";
import { longestNumberField, messageRoom, ProtobufWriter } from "./writer.js";
import {
  collectFamilies,
  metricsOf,
  ownLabels,
  type RegistryFamily,
  type RegistryMetric,
  registryStart,
  type RegistrySample,
} from "../registry-families.js";

/** A bound or a quantile. */
function ownLabel({ labels }: RegistrySample, own: string): number {
  const [, text = ""] = labels.find(([name]) => name === own) ?? [];
  return Number(text.replace("Inf", "Infinity"));
}

function writeValue(out: ProtobufWriter, type: "counter" | "gauge", value: number): void {
  const start = out.begin(fields.metric[type]);
  out.double(fields[type].value, value);
  if (type === "counter") {
    writeTimestamp(out, fields.counter.created, registryStart);
  }
  out.end(start);
}

function writeQuantile(out: ProtobufWriter, quantile: number, value: number): void {
  const start = out.begin(fields.summary.quantile);
  out.double(fields.quantile.quantile, quantile);
  out.double(fields.quantile.value, value);
  out.end(start);
}

/** Writes a histogram or a summary. */
function writeDistribution(
  out: ProtobufWriter,
  type: "histogram" | "summary",
  family: string,
  samples: readonly RegistrySample[],
): void {
  const start = out.begin(fields.metric[type]);
  for (const sample of samples) {
    if (sample.name === `${family}_sum`) {
      out.double(fields[type].sum, sample.value);
    } else if (sample.name === `${family}_count`) {
      out.uint(fields[type].count, sample.value);
    } else if (type === "histogram") {
      writeBucket(out, sample.value, ownLabel(sample, ownLabels.histogram));
    } else {
      writeQuantile(out, ownLabel(sample, ownLabels.summary), sample.value);
    }
  }
  writeTimestamp(out, fields[type].created, registryStart);
  out.end(start);
}

function encodeMetric({ type, name }: RegistryFamily, { labels, samples }: RegistryMetric): Buffer {
  const labelsRoom = labels.reduce((room, [label, value]) => room + labelRoom(label, value), 0);
  const out = new ProtobufWriter(
    2 * messageRoom + labelsRoom + timestampRoom + samples.length * (messageRoom + 2 * longestNumberField),
  );
  const start = out.begin(fields.family.metric);
  for (const [label, value] of labels) {
    if (value !== "") {
      writeLabel(out, label, value);
    }
  }
  if (type === "histogram" || type === "summary") {
    writeDistribution(out, type, name, samples);
  } else {
    for (const { value } of samples) {
      writeValue(out, type, value);
    }
  }
  out.end(start);
  return out.rest();
}

/** The metrics of a prom-client registry, to be followed by those of tables. */
export async function registryAsProtobuf(registry: Registry): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (const family of await collectFamilies(registry)) {
    const message = Buffer.concat([
      familyHeader(family),
      ...metricsOf(family).map((metric) => encodeMetric(family, metric)),
    ]);
    pieces.push(delimiter(message.length), message);
  }
  return Buffer.concat(pieces);
}
