/** Files of machine code that a process has mapped. */
import { constants, type FileHandle, open, readdir, readFile, readlink } from "node:fs/promises";

/** Code that a process has mapped from a file. */
export interface Mapping {
  /** Names the file, while anything has it open or mapped: device and inode. */
  readonly key: string;
  readonly inode: number;
  /** As the kernel has it, major and minor in decimal. */
  readonly device: string;
  /** In the mount namespace of the process; for people. */
  readonly path: string;
  /** What the kernel's link to the file is called, in `/proc/PID/map_files/`: addresses without zeros in front. */
  readonly range: string;
}

/** Libraries that are OpenSSL's, by their names: `libssl.so.3`, `libssl-1a2b3c4d.so.1.1` of Python's packages. */
const libraryPattern = /\/libssl(?:-[^/]*)?\.so[^/]*$/;

const linePattern = /^0*([0-9a-f]+)-0*([0-9a-f]+) ..x. [0-9a-f]+ ([0-9a-f]+):([0-9a-f]+) ([1-9]\d*) +(\/.*)$/gm;

/** Pids of all processes, as the agent's own pid namespace has them. */
export async function pids(): Promise<number[]> {
  return (await readdir("/proc")).map(Number).filter((pid) => pid > 0);
}

/** What the kernel says of a process that has ended. */
const ended = new Set(["ENOENT", "ESRCH"]);

/** The libraries of OpenSSL that a process has mapped, and its program; none of a process that has ended. Rejects where that may not be read. */
export async function mappingsOf(pid: number): Promise<Mapping[]> {
  try {
    const maps = await readFile(`/proc/${pid}/maps`, "latin1");
    if (maps === "") {
      return [];
    }
    const program = await readlink(`/proc/${pid}/exe`, "latin1");
    const found = new Map<string, Mapping>();
    for (const [, begin = "", end = "", major = "", minor = "", inode = "", path = ""] of maps.matchAll(linePattern)) {
      const key = `${major}:${minor}:${inode}`;
      if (!found.has(key) && (path === program || libraryPattern.test(path.replace(/ \(deleted\)$/, "")))) {
        const device = `${Number.parseInt(major, 16)}:${Number.parseInt(minor, 16)}`;
        found.set(key, { key, inode: Number(inode), device, path, range: `${begin}-${end}` });
      }
    }
    return [...found.values()];
  } catch (error) {
    if (ended.has((error as NodeJS.ErrnoException).code ?? "")) {
      return [];
    }
    throw error;
  }
}

/** Is it the name of a library of OpenSSL? */
export function isLibrary({ path }: Mapping): boolean {
  return libraryPattern.test(path.replace(/ \(deleted\)$/, ""));
}

/** Filesystems that another program or machine serves: reading of a file there can take for ever. */
const served = /^(?:fuse|nfs|cifs|smb|9p|afs|ceph)/;

/** The type of the filesystem that a file is on, where that is one that the agent reads nothing of; else undefined. */
export async function servedFilesystem(pid: number, { device }: Mapping): Promise<string | undefined> {
  const mounts = await readFile(`/proc/${pid}/mountinfo`, "latin1");
  for (const line of mounts.split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    const type = after.split(" ")[0] ?? "";
    if (before.split(" ")[2] === device && served.test(type)) {
      return type;
    }
  }
  return undefined;
}

/** What the kernel says to those who lack capabilities. */
const refusals = new Set(["EACCES", "EPERM"]);

/** O_PATH of include/uapi/asm-generic/fcntl.h: finds a file and does not open it. */
const pathOnly = 0o10000000;

/**
 * Opens the file of a mapping to read it: by the kernel's link to it, or, for want of CAP_DAC_READ_SEARCH in the folder of another user's
 * process, by its path there, where that still leads to a file of this inode.
 */
export async function openMapped(pid: number, { path, range, inode }: Mapping): Promise<FileHandle> {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK;
  try {
    return await open(`/proc/${pid}/map_files/${range}`, flags);
  } catch (error) {
    if (!refusals.has((error as NodeJS.ErrnoException).code ?? "")) {
      throw error;
    }
  }
  const found = await open(`/proc/${pid}/root${path}`, pathOnly);
  try {
    const status = await found.stat();
    if (!status.isFile() || status.ino !== inode) {
      throw new Error("its path leads to another file");
    }
    return await open(`/proc/self/fd/${found.fd}`, flags);
  } finally {
    await found.close();
  }
}
