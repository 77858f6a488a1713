/** Running the program once, and what it has logged. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { linkSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Samples } from "../kernel/support/samples.js";

/** What a call returned: see `struct entry`, program/fuzz.h. */
export interface Call {
  /** The line of the operations that made it, from 1; 0 for the end of a process and for what sock_diag(7) has shown of a socket. */
  readonly line: number;
  readonly pid: number;
  readonly comm: string;
  readonly what: string;
  readonly ret: number;
  /** The errno, 0 when it succeeded. */
  readonly error: number;
  readonly a: string;
  readonly b: number;
  readonly word: string;
}

/** RSTs by what they show of their sender. */
export interface Resets {
  /** Of a SYN: they come from a port without a socket. */
  readonly refusing: number;
  /** Sent by a socket of its own accord. */
  readonly active: number;
  /** In reply to something else, by a socket or from a port without one. */
  readonly replying: number;
}

/** A scrape while the program waits, and what it had logged by then. */
export interface LiveLog extends Pick<RunLog, "prefix" | "calls"> {
  readonly samples: Samples;
}

/** All that a run of the program has logged. */
export interface RunLog {
  /** What the names of its processes begin with. */
  readonly prefix: string;
  readonly calls: readonly Call[];
  /** The RSTs that the network namespace has sent, as packets. */
  readonly resets: Resets;
  /** Counters of the network namespace's Tcp and TcpExt. */
  readonly snmp: ReadonlyMap<string, number>;
  /** The process that leads the others through the operations. */
  readonly conductor: { readonly pid: number; readonly comm: string };
  /** Scrapes by its operation `scrape`. */
  readonly lives: readonly LiveLog[];
}

const sources = fileURLToPath(new URL("../../../test/fuzz/program/", import.meta.url));

/** A run that takes longer is killed, milliseconds. */
const timeoutMs = 60_000;

let runs = 0;

/** The compiled program, and what it needs around it. */
export class Program {
  readonly #folder: string;
  readonly #path: string;
  readonly #groups: string;
  readonly #children = new Set<ReturnType<typeof spawn>>();

  /** Compiles it into `folder`, which must exist. `groups`: what the folders of its control groups begin with, behind which come 0 to 2. */
  constructor(folder: string, groups: string) {
    this.#folder = folder;
    this.#path = join(folder, "fuzz");
    this.#groups = groups;
    const files = readdirSync(sources).filter((name) => name.endsWith(".c"));
    const flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-pthread", "-static"];
    const machine = process.arch === "x64" ? ["-mno-red-zone"] : [];
    execFileSync("gcc", [...flags, ...machine, ...files.map((name) => join(sources, name)), "-o", this.#path], {
      stdio: "inherit",
    });
  }

  /** Runs these operations; `scrape` is called for each that is so called. Throws when the program fails, or does not come to its end. */
  async run(lines: readonly string[], scrape: () => Promise<Samples>): Promise<RunLog> {
    const prefix = `f${process.pid % 1000}.${runs++}_`;
    const place = join(this.#folder, prefix);
    mkdirSync(join(place, "folder"), { recursive: true });
    const [operations, helper] = [join(place, "operations"), join(place, `${prefix}x`)];
    writeFileSync(operations, `${lines.join("\n")}\n`);
    writeFileSync(join(place, "there"), "");
    symlinkSync("loop", join(place, "loop"));
    linkSync(this.#path, helper);
    try {
      const scrapes: Samples[] = [];
      const text = await this.#output([operations, prefix, helper, place], async () => {
        scrapes.push(await scrape());
      });
      return parse(text, prefix, scrapes);
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  }

  /** All that a run writes; it waits for `scrape` each time that it asks for it. */
  async #output(args: readonly string[], scrape: () => Promise<void>): Promise<string> {
    const child = spawn(this.#path, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { FUZZ_GROUPS: this.#groups },
    });
    this.#children.add(child);
    const written = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => {
        written[name] += text;
      });
    }
    const failed: unknown[] = [];
    child.stdout.on("data", (text: string) => {
      if (/^scrape \d+\n$/m.test(text)) {
        scrape()
          .catch((error: unknown) => failed.push(error))
          .finally(() => child.stdin.write("\n"));
      }
    });
    const limit = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    const [status, signal] = (await once(child, "close")) as [number | null, string | null];
    clearTimeout(limit);
    this.#children.delete(child);
    if (failed.length > 0) {
      throw failed[0];
    }
    if (status !== 0) {
      throw new Error(`the program ended with ${String(status ?? signal)}: ${written.stderr.trim()}`);
    }
    return written.stdout;
  }

  /** Kills what runs, with all its processes: they end with the one that leads them. */
  close(): void {
    for (const child of this.#children) {
      child.kill("SIGKILL");
    }
  }
}

function callOf(words: readonly string[]): Call {
  const [line, pid, comm = "", what = "", ret, error, a = "", b, word = ""] = words;
  return {
    line: Number(line),
    pid: Number(pid),
    comm,
    what,
    ret: Number(ret),
    error: Number(error),
    a,
    b: Number(b),
    word,
  };
}

function parse(text: string, prefix: string, scrapes: readonly Samples[]): RunLog {
  const calls: Call[] = [];
  const counts: number[] = [];
  const snmp = new Map<string, number>();
  let names: readonly string[] | undefined;
  let conductor = { pid: 0, comm: "" };
  let resets: Resets = { refusing: 0, active: 0, replying: 0 };
  for (const line of text.trimEnd().split("\n")) {
    const [kind = "", ...rest] = line.split(" ");
    const [first = "", second = ""] = rest;
    switch (kind) {
      case "call":
        calls.push(callOf(rest));
        break;
      case "scrape":
        counts.push(Number(first));
        break;
      case "snmp":
        names?.forEach((name, index) => {
          snmp.set(name, Number(rest[index]));
        });
        names = names === undefined ? rest : undefined;
        break;
      case "resets":
        resets = { refusing: Number(first), active: Number(second), replying: Number(rest[2]) };
        break;
      case "done":
        conductor = { pid: Number(first), comm: second };
        break;
    }
  }
  if (conductor.pid === 0) {
    throw new Error("the program has not come to its end");
  }
  return {
    prefix,
    calls,
    snmp,
    resets,
    conductor,
    lives: scrapes.map((samples, index) => ({
      prefix,
      calls: calls.slice(0, counts[index]),
      samples,
    })),
  };
}
