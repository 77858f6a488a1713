import { spawnSync } from "node:child_process";

/** A sample as Python's client library reads it. */
export interface RefereeSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** As JSON has no other: a number, or `NaN`, `Infinity`, `-Infinity` as text. */
  readonly value: number | string;
  readonly exemplar: { labels: Record<string, string>; value: number; timestamp: number } | null;
}

export interface RefereeFamily {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly unit: string;
  readonly samples: readonly RefereeSample[];
}

const program = `
import json, math, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse

def number(value):
    return value if math.isfinite(value) else str(value).replace("inf", "Infinity").replace("nan", "NaN")

def exemplar(found):
    return found and {"labels": found.labels, "value": found.value, "timestamp": float(found.timestamp)}

json.dump([
    {"name": family.name, "help": family.documentation, "type": family.type, "unit": family.unit, "samples": [
        {"name": sample.name, "labels": sample.labels, "value": number(float(sample.value)),
         "exemplar": exemplar(sample.exemplar)} for sample in family.samples]}
    for family in parse(sys.stdin.buffer.read().decode("utf-8"))], sys.stdout)
`;

/** Reads an OpenMetrics body with the parser of Python's client library, which is strict. Throws with its reason when it refuses. */
export function readOpenMetrics(body: string): RefereeFamily[] {
  // Debian's package is for Debian's Python.
  const { status, stdout, stderr, error } = spawnSync("/usr/bin/python3", ["-c", program], {
    input: body,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (error !== undefined) {
    throw error;
  }
  if (status !== 0) {
    throw new Error(stderr.trimEnd().split("\n").at(-1));
  }
  return JSON.parse(stdout) as RefereeFamily[];
}
