/** Names of errno values. */
import { errors } from "./syscall-numbers.js";
import { readNames } from "./numbered-names.js";

/**
 * Codes that the kernel keeps to itself (include/linux/errno.h); a tracer sees them: those of an interrupted call, which is
 * then restarted or fails with EINTR, and now and then one that a driver should not have let out.
 */
const internal = `
@512 ERESTARTSYS ERESTARTNOINTR ERESTARTNOHAND ENOIOCTLCMD ERESTART_RESTARTBLOCK EPROBE_DEFER EOPENSTALE ENOPARAM
@521 EBADHANDLE ENOTSYNC EBADCOOKIE ENOTSUPP ETOOSMALL ESERVERFAULT EBADTYPE EJUKEBOX EIOCBQUEUED ERECALLCONFLICT ENOGRACE
`;

const names = readNames(errors + internal);

/** `ENOENT` for 2; `errno_<n>` for a number without a name. */
export function errnoName(errno: number): string {
  return names[errno] ?? `errno_${errno}`;
}
