/** Which files have programs on their functions: those with OpenSSL, or Go's TLS, that some process has mapped. */
import { existsSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";

import type { SignalContext, Uprobes } from "ringtap/signal";

import { type ByteSource, Elf, ElfFault, TlsFault } from "./elf.js";
import { chooseGoPlaces } from "./go-places.js";
import { isLibrary, type Mapping, mappingsOf, openMapped, pids, servedFilesystem } from "./mappings.js";
import { choosePlaces, type Place } from "./places.js";

/** A file that has programs on it. */
interface Probed {
  readonly mapping: Mapping;
  /** Processes that had it mapped when they were scanned, and may have ended. */
  readonly users: Set<number>;
  readonly uprobes: readonly Uprobes[];
  /** When one was there last; of performance.now(). */
  lastUsed: number;
}

/** Files without anything to attach to that are remembered, so that they are read once. */
const mostPassed = 8192;
/** Processes that wait to be scanned. */
const mostWaiting = 4096;
/** From one scan of all processes to the next, milliseconds. */
const scanInterval = 30_000;
/** For so long a file without users keeps its programs, milliseconds: short-lived programs come again. They keep its filesystem busy. */
const keptUnused = 60_000;

function insertBounded(keys: Set<string>, key: string): void {
  if (keys.size >= mostPassed) {
    keys.clear();
  }
  keys.add(key);
}

/** Is one of these processes alive? Forgets those before it that are not. */
function isAnyAlive(users: Set<number>): boolean {
  for (const pid of users) {
    if (existsSync(`/proc/${pid}`)) {
      return true;
    }
    users.delete(pid);
  }
  return false;
}

/** The bytes of a file that is open. */
function sourceOf(file: FileHandle, size: number): ByteSource {
  return {
    size,
    async read(position, length) {
      if (length < 0 || position < 0 || position + length > size) {
        throw new ElfFault("it ends before what its headers tell of");
      }
      const bytes = Buffer.alloc(length);
      const { bytesRead } = await file.read(bytes, 0, length, position);
      return bytesRead === length ? bytes : Promise.reject(new ElfFault("it has become shorter"));
    },
  };
}

export class TlsProbes {
  readonly #context: SignalContext;
  readonly #limit: number;
  readonly #probed = new Map<string, Probed>();
  /** By key: files that have nothing to attach to, or cannot be attached to; and those of which the log says why. */
  readonly #passed = new Set<string>();
  readonly #refused = new Set<string>();
  readonly #waiting = new Set<number>();
  #isWorking = false;
  #isScanDue = false;
  #isFull = false;
  #isBlind = false;
  #lastScan = 0;

  constructor(context: SignalContext, limit: number) {
    this.#context = context;
    this.#limit = limit;
  }

  /** Scans all processes. */
  async scan(): Promise<void> {
    this.#isScanDue = true;
    await this.#work();
  }

  async #scan(): Promise<void> {
    this.#lastScan = performance.now();
    for (const pid of await pids()) {
      // A process of which a connection is seen has less time than those that only may have one.
      await this.#scanWaiting();
      await this.#scanProcess(pid);
    }
  }

  async #scanWaiting(): Promise<void> {
    for (const pid of this.#waiting) {
      this.#waiting.delete(pid);
      await this.#scanProcess(pid);
    }
  }

  /** Scans a process soon. */
  scanSoon(pid: number): void {
    if (this.#waiting.size < mostWaiting) {
      this.#waiting.add(pid);
      void this.#work();
    }
  }

  /** Scans all processes again where that is due, and detaches from files without users. */
  maintain(now = performance.now()): void {
    if (now - this.#lastScan >= scanInterval) {
      this.#isScanDue = true;
      void this.#work();
    }
    for (const [key, probed] of this.#probed) {
      if (isAnyAlive(probed.users)) {
        probed.lastUsed = now;
      } else if (now - probed.lastUsed >= keptUnused) {
        this.#detach(key, probed);
      }
    }
  }

  /** Scans the processes that wait, one after the other. */
  async #work(): Promise<void> {
    if (this.#isWorking) {
      return;
    }
    this.#isWorking = true;
    while (this.#waiting.size > 0 || this.#isScanDue) {
      await this.#scanWaiting();
      if (this.#isScanDue) {
        this.#isScanDue = false;
        await this.#scan();
      }
    }
    this.#isWorking = false;
  }

  async #scanProcess(pid: number): Promise<void> {
    for (const mapping of await this.#mappingsOf(pid)) {
      if (this.#context.signal.aborted) {
        return;
      }
      const { key } = mapping;
      const probed = this.#probed.get(key);
      if (probed === undefined && !this.#passed.has(key)) {
        await this.#consider(pid, mapping);
      }
      this.#probed.get(key)?.users.add(pid);
    }
  }

  async #mappingsOf(pid: number): Promise<readonly Mapping[]> {
    try {
      return await mappingsOf(pid);
    } catch (error) {
      if (!this.#isBlind) {
        this.#isBlind = true;
        this.#context.log.warn(
          { pid, err: error },
          "the files of a process cannot be found, nor perhaps those of others",
        );
      }
      return [];
    }
  }

  async #consider(pid: number, mapping: Mapping): Promise<void> {
    try {
      if ((await this.#probe(pid, mapping)) === "nothing") {
        insertBounded(this.#passed, mapping.key);
      }
    } catch (error) {
      if (this.#context.signal.aborted || !existsSync(`/proc/${pid}`)) {
        return;
      }
      // Of a program, it may not be known whether it has TLS at all.
      const hasTls = isLibrary(mapping) || error instanceof TlsFault;
      const isToBeSaid = hasTls && !this.#refused.has(mapping.key);
      if (isToBeSaid) {
        insertBounded(this.#refused, mapping.key);
        this.#context.log.warn(
          { file: mapping.path, pid, reason: error instanceof Error ? error.message : String(error) },
          "what TLS carries is not seen of this file's users",
        );
      }
      // By another process, it may be opened.
      if (error instanceof ElfFault) {
        insertBounded(this.#passed, mapping.key);
      }
    }
  }

  /** Attaches to a file, where there is something in it to attach to, and fewer than the limit are attached to. */
  async #probe(pid: number, mapping: Mapping): Promise<"attached" | "nothing" | "full"> {
    const filesystem = await servedFilesystem(pid, mapping);
    if (filesystem !== undefined) {
      throw new ElfFault(`it is on ${filesystem}, which may keep the agent waiting`);
    }
    const file = await openMapped(pid, mapping);
    try {
      const status = await file.stat();
      if (!status.isFile()) {
        return "nothing";
      }
      const elf = await Elf.open(sourceOf(file, status.size));
      const places = (await choosePlaces(elf)) ?? [];
      const goPlaces = (isLibrary(mapping) ? undefined : await chooseGoPlaces(elf)) ?? [];
      if (places.length + goPlaces.length === 0) {
        return "nothing";
      }
      if (this.#probed.size >= this.#limit) {
        this.#warnOfLimit(mapping);
        return "full";
      }
      // The file itself, whatever its path may lead to by now.
      this.#attach(mapping, `/proc/self/fd/${file.fd}`, places, goPlaces);
      return "attached";
    } finally {
      await file.close();
    }
  }

  #attach(mapping: Mapping, path: string, places: readonly Place[], goPlaces: readonly Place[]): void {
    if (this.#context.signal.aborted) {
      return;
    }
    const uprobes: Uprobes[] = [];
    const attach = (program: string, to: readonly Place[], options?: { readonly atReturn: boolean }): void => {
      if (to.length > 0) {
        uprobes.push(this.#context.attachUprobes(program, path, to, options));
      }
    };
    try {
      // A call that is met where it ends, and not where it begins, is passed over; the other way round it would seem to go on.
      attach("tls_carried", places, { atReturn: true });
      attach("tls_enter", places);
      attach("tls_carried", goPlaces);
    } catch (error) {
      for (const each of uprobes) {
        each.detach();
      }
      throw error;
    }
    this.#probed.set(mapping.key, { mapping, users: new Set(), uprobes, lastUsed: performance.now() });
    const functions = [...new Set([...places, ...goPlaces].map(({ name }) => name))].join(", ");
    this.#context.log.info({ file: mapping.path, functions }, "what TLS carries is seen of this file's users");
  }

  #warnOfLimit({ path }: Mapping): void {
    if (!this.#isFull) {
      this.#isFull = true;
      this.#context.log.warn(
        { file: path, limit: this.#limit },
        "as many files as --l7.tls-files allows are attached to",
      );
    }
  }

  #detach(key: string, { mapping, uprobes }: Probed): void {
    for (const each of uprobes) {
      each.detach();
    }
    this.#probed.delete(key);
    this.#isFull = false;
    this.#context.log.info({ file: mapping.path }, "no process uses this file any more: detached");
  }
}
