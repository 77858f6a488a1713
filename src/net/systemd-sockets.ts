/** Sockets that systemd has opened and passed on: sd_listen_fds(3). */

/** The first descriptor that is passed: `SD_LISTEN_FDS_START` of systemd/sd-daemon.h. */
const firstDescriptor = 3;
/** More than a .socket unit has; what is no number of sockets is refused before it is counted to. */
const mostSockets = 1024;

/** The addresses of the sockets that were passed to process `pid`, as `parseListenAddress` reads them. Throws when there are none. */
export function systemdSockets(environment: Readonly<NodeJS.ProcessEnv>, pid: number): readonly string[] {
  const { LISTEN_FDS: count, LISTEN_PID: receiver } = environment;
  const problem =
    count === undefined
      ? "LISTEN_FDS is not set"
      : Number(receiver) === pid
        ? `LISTEN_FDS is ${JSON.stringify(count)}`
        : `LISTEN_PID is ${JSON.stringify(receiver)}, and this process is ${pid}`;
  const sockets = Number(receiver) === pid ? Number(count) : 0;
  if (!Number.isInteger(sockets) || sockets < 1 || sockets > mostSockets) {
    throw new Error(
      `--web.systemd-socket: no socket was passed (${problem}): start ringtap by a .socket unit of systemd`,
    );
  }
  return Array.from({ length: sockets }, (_, at) => `fd://${firstDescriptor + at}`);
}
