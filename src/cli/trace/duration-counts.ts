/** How long things took: a histogram fine enough for percentiles that people read. */

/** Cells of one octave: a percentile is off by 1/64 at the most. */
const cellsPerOctave = 32;

/** 2^45 ns is ten hours; what took longer counts there. */
const octaves = 45;

/** Counts durations. Its size does not depend on how many there are. */
export class DurationCounts {
  count = 0;
  /** Seconds. */
  longest = 0;
  readonly #cells = new Uint32Array(octaves * cellsPerOctave);

  add(seconds: number): void {
    const nanoseconds = Math.max(1, seconds * 1e9);
    const octave = Math.floor(Math.log2(nanoseconds));
    const within = Math.floor((nanoseconds / 2 ** octave - 1) * cellsPerOctave);
    const cell = Math.min(octave * cellsPerOctave + within, this.#cells.length - 1);
    this.#cells[cell] = (this.#cells[cell] as number) + 1;
    this.count++;
    this.longest = Math.max(this.longest, seconds);
  }

  /** The time, in seconds, that a share of all (0.99) did not exceed; undefined when there are none. */
  percentile(share: number): number | undefined {
    let left = Math.ceil(this.count * share);
    for (const [cell, count] of this.#cells.entries()) {
      left -= count;
      if (count > 0 && left <= 0) {
        return Math.min(middleOf(cell), this.longest);
      }
    }
    return undefined;
  }
}

/** Seconds. */
function middleOf(cell: number): number {
  const octave = Math.floor(cell / cellsPerOctave);
  const within = (cell % cellsPerOctave) + 0.5;
  return (2 ** octave * (1 + within / cellsPerOctave)) / 1e9;
}
