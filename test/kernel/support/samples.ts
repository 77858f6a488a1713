/** Reading the text format. */
import assert from "node:assert/strict";

/** Values by the text of their series, as in `up{job="x"}`. */
export type Samples = ReadonlyMap<string, number>;

/** Parses what /metrics serves. A series that comes twice fails the test. */
export function parseSamples(text: string): Samples {
  const samples = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) {
      continue;
    }
    const space = line.lastIndexOf(" ");
    const series = line.slice(0, space);
    assert(!samples.has(series), `${series} comes twice`);
    samples.set(series, Number(line.slice(space + 1)));
  }
  return samples;
}

/** The labels of a series, values as they stand in its text (escapes and all). */
function labelsOf(series: string): ReadonlyMap<string, string> {
  const pairs = series.matchAll(/[{,](\w+)="((?:[^"\\]|\\.)*)"/g);
  return new Map(Array.from(pairs, ([, name = "", value = ""]) => [name, value]));
}

/** All series of a metric: labels and value. */
export function labelled(
  samples: Samples,
  metric: string,
): (readonly [labels: Readonly<Record<string, string>>, value: number])[] {
  return [...select(samples, metric, {})].map(([series, value]) => [Object.fromEntries(labelsOf(series)), value]);
}

/** The series of a metric that have these labels among theirs. */
export function select(samples: Samples, metric: string, labels: Readonly<Record<string, string | number>>): Samples {
  const wanted = Object.entries(labels);
  return new Map(
    [...samples].filter(([series]) => {
      if (series !== metric && !series.startsWith(`${metric}{`)) {
        return false;
      }
      const found = labelsOf(series);
      return wanted.every(([name, value]) => found.get(name) === String(value));
    }),
  );
}

/** The sum of {@link select}'s values; 0 when there are none. */
export function sum(samples: Samples, metric: string, labels: Readonly<Record<string, string | number>>): number {
  return [...select(samples, metric, labels).values()].reduce((total, value) => total + value, 0);
}
