/** Numbers by what they count. */
import { constants } from "node:os";

/** Such as `opens pid=12 comm=f1_w result=ENOENT`. */
export type Counts = Map<string, number>;

export function add(counts: Counts, what: string, value: number): void {
  if (value !== 0) {
    counts.set(what, (counts.get(what) ?? 0) + value);
  }
}

const errnoNames = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));
// Of numbers with two names, the kernel's.
errnoNames.set(constants.errno.EAGAIN, "EAGAIN");

export function errnoName(error: number): string {
  return errnoNames.get(error) ?? `errno_${error}`;
}
