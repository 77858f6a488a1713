/** `ringtap signal new`: a folder with a signal that works, to be changed into one's own. */
import { readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { quote } from "../../log/logger-text.js";
import { UsageError } from "../errors.js";
import { moduleOptions } from "./compile-module.js";
import { fileProblem, makeFolder, shellPath, shownPath } from "./files.js";
import { newReadme } from "./new-readme.js";
import { filesInTypeScript } from "./new-typescript.js";
import { testText } from "./new-test.js";
import { optionalDependencies, version } from "../version.js";

/** What a signal is written in. */
type Language = "c" | "typescript";

function pascal(name: string): string {
  return name.replace(/(^|_)([a-z0-9])/g, (_match, _underscore, letter: string) => letter.toUpperCase());
}

const programText = (name: string): string => `// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* ${name}: record locks (fcntl(2) with F_SETLK and its kin), and whether they were granted. */
#include <ringtap/core.h>
#include <ringtap/ring.h>
#include <ringtap/task.h>

struct ${name}_event {
	__u64 time; /* CLOCK_MONOTONIC, ns */
	struct actor actor;
	__u32 error; /* 0 or the errno */
	__u32 reserved;
};

EXPORT_RECORD(${name}_event);

struct inode;
struct file_lock;

/* Runs once for each fcntl(2) that sets or clears a lock, in its caller's context (fs/locks.c). */
SEC("tp_btf/fcntl_setlk")
int BPF_PROG(${name}_setlk, struct inode *inode, struct file_lock *lock, int ret)
{
	struct ${name}_event *event = reserve(sizeof(*event));

	if (!event)
		return 0;
	event->time = bpf_ktime_get_ns();
	current_actor(&event->actor);
	event->error = -ret;
	event->reserved = 0;
	submit(event);
	return 0;
}

LICENSE;
`;

const moduleText = (name: string): string => `/** ${name}: record locks by outcome. */
import { defineSignal, Dimension, errnoName, objectFile, type Running, type SignalContext } from "ringtap/signal";
import { ${pascal(name)}Event } from "./records.js";

function outcomeOf(error: number): string {
  return error === 0 ? "ok" : errnoName(error);
}

function start({ metrics, identity }: SignalContext): Running<${pascal(name)}Event> {
  const result = new Dimension(["result"]);
  /** By errno: a record whose labels are known allocates nothing. */
  const results: number[] = [];
  const locks = metrics.counter({
    name: "${name}_record_locks_total",
    help: "Record locks asked for and released by fcntl, by outcome: ok or the errno.",
    subject: identity.subjects,
    detail: result,
  });
  return {
    records(batch) {
      while (batch.next()) {
        const { record } = batch;
        const detail = (results[record.error] ??= result.intern(outcomeOf(record.error)));
        locks.add(identity.subject(identity.of(record)), detail, 1);
      }
    },
  };
}

export default defineSignal({
  api: 1,
  name: "${name}",
  summary: "record locks by outcome",
  object: objectFile(import.meta.url, "${name}"),
  ring: { record: ${pascal(name)}Event },
  start,
  trace: {
    types: { result: "string" },
    outcome: ["result"],
    failed: ({ error }) => error !== 0,
    columns: [{ field: "result", heading: "RESULT", width: 0 }],
    fields: ({ error }) => ({ result: outcomeOf(error) }),
  },
  views: {
    columns: [
      {
        key: "${name}_locks",
        metric: "${name}_record_locks_total",
        unit: "count",
        heading: "LOCK/S",
        help: "record locks asked for and released",
      },
    ],
  },
});
`;

const packageText = (name: string): string =>
  `${JSON.stringify(
    {
      name: `ringtap-signal-${name.replaceAll("_", "-")}`,
      version: "0.1.0",
      description: `The signal ${name} for ringtap`,
      type: "module",
      exports: "./dist/signal.js",
      files: ["dist"],
      scripts: { build: "ringtap signal build .", test: "node --test" },
      peerDependencies: { ringtap: `>=${version}` },
      peerDependenciesMeta: { ringtap: { optional: true } },
      // For editors and for who checks types without ringtap: the compiler by which ringtap does.
      devDependencies: { typescript: optionalDependencies["typescript-native"].replace("npm:typescript@", "") },
    },
    undefined,
    2,
  )}\n`;

/** The editor's options. One that needs no types of Node's is spared reading them: a third of the time to its first completion. */
const configText = (language: Language): string => {
  const types = language === "c" ? {} : { types: [] };
  const compilerOptions = { strict: true, ...moduleOptions(), ...types, outDir: "dist", rootDir: "." };
  return `${JSON.stringify({ compilerOptions, include: ["*.ts"] }, undefined, 2)}\n`;
};

const readmeText = (name: string): string =>
  newReadme(name, {
    counts: "record locks by outcome",
    files: {
      [`${name}.bpf.c`]: "the program in the kernel: it writes a record for each event",
      "signal.ts": "the module: its metrics, what a record adds to them, how `trace` shows it",
      "records.ts": "the decoders, generated from the program by `ringtap signal build`",
      [`${name}.test.mjs`]: "counts against a program that knows what it did",
    },
    document: "docs/signals.md",
  });

/** Throws a UsageError when a signal cannot be written into a folder, because of what is there. */
function checkTarget(folder: string, path: string): void {
  const stats = statSync(folder, { throwIfNoEntry: false });
  if (stats !== undefined && !stats.isDirectory()) {
    throw new UsageError(`signal new: ${quote(path)} is no folder: choose another path`);
  }
  if (stats !== undefined && readdirSync(folder).length > 0) {
    throw new UsageError(`signal new: the folder ${quote(path)} is not empty: choose another path`);
  }
}

/** Writes all files, or none. */
function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  let made: string | undefined;
  try {
    made = makeFolder(folder);
    for (const [file, text] of Object.entries(files)) {
      writeFileSync(join(folder, file), text, { flag: "wx" });
    }
  } catch (error) {
    for (const file of Object.keys(files)) {
      rmSync(join(folder, file), { force: true });
    }
    if (made !== undefined) {
      rmSync(made, { recursive: true, force: true });
    }
    throw error;
  }
}

/** What the test of a signal in C does. */
const lockTest = {
  what: "Takes a lock 30 times, and asks 10 times for one that another process holds.",
  name: "counts each fcntl by outcome",
  comm: "takes-locks",
  source: `#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	struct flock lock = { .l_type = F_WRLCK };
	int fd = open(argv[1], O_RDWR | O_CREAT, 0600);
	for (int i = 0; i < 30; i++)
		if (fcntl(fd, F_SETLK, &lock))
			return 1;
	if (fork() == 0) {
		for (int i = 0; i < 10; i++)
			fcntl(fd, F_SETLK, &lock);
		_exit(0);
	}
	wait(NULL);
	return argc != 2;
}`,
  metric: "record_locks_total",
  label: "result",
  counts: { ok: 30, EAGAIN: 10 },
};

/** The files of a signal with a program in C. */
function filesInC(name: string): Readonly<Record<string, string>> {
  return {
    [`${name}.bpf.c`]: programText(name),
    "signal.ts": moduleText(name),
    [`${name}.test.mjs`]: testText(name, lockTest),
    "README.md": readmeText(name),
  };
}

/** Writes the folder; returns what to tell the user. Throws a UsageError when there is something in it, and leaves nothing then. */
export function writeSignal(name: string, path: string, language: Language): string {
  const folder = resolve(path);
  const files: Readonly<Record<string, string>> = {
    ...(language === "c" ? filesInC(name) : filesInTypeScript(name)),
    "package.json": packageText(name),
    "tsconfig.json": configText(language),
    ".gitignore": "dist/\n",
  };
  try {
    checkTarget(folder, path);
    writeFiles(folder, files);
  } catch (error) {
    throw fileProblem(`signal new ${quote(path)}`, error);
  }
  const wrote = Object.keys(files).map((file) => `wrote ${shownPath(join(folder, file))}\n`);
  return `${wrote.join("")}next: ringtap signal build ${shellPath(folder)}\n`;
}
