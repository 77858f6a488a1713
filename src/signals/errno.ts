/** Names of errno values. */
import { constants } from "node:os";

const names = new Map(Object.entries(constants.errno).map(([name, value]) => [value, name]));

/** `ENOENT` for 2; `errno_<n>` where the running system has no name. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `errno_${errno.toString()}`;
}
