/** Names and numbers of system calls and errors, against the headers and the libc of this machine. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { describe, it } from "node:test";

import { errnoName } from "../../../src/sdk/errno.js";
import { defaultValues } from "../../../src/sdk/flags.js";
import { defaultHost } from "../../../src/sdk/host.js";
import { syscall } from "../../../src/signals/syscall/signal.js";
import {
  compatBit,
  indexCount,
  syscallIndex,
  syscallIndexes,
  syscallName,
  syscallNumber,
} from "../../../src/sdk/syscall-names.js";

const x32Bit = 0x40000000;

/** The marked number with this index. */
function numberAt(index: number): number {
  return (index & 1023) + ([0, compatBit, x32Bit][index >>> 10] as number);
}

/** The tables of linux-libc-dev on x86-64; elsewhere they are not installed. */
const headers = [
  { file: "unistd_64.h", mark: 0, prefix: "" },
  { file: "unistd_32.h", mark: compatBit, prefix: "compat_" },
  { file: "unistd_x32.h", mark: x32Bit, prefix: "x32_" },
].map((each) => ({ ...each, path: `/usr/include/x86_64-linux-gnu/asm/${each.file}` }));

describe("names of system calls", () => {
  for (const { file, path, mark, prefix } of headers) {
    it(`are those of this machine's ${file}`, { skip: !existsSync(path) }, () => {
      const defines = readFileSync(path, "utf8").matchAll(
        /^#define __NR_(\w+) (?:\(__X32_SYSCALL_BIT \+ )?(\d+)\)?$/gm,
      );
      let compared = 0;
      for (const [, name = "", number] of defines) {
        const nr = mark + Number(number);
        assert.equal(syscallName(nr, "x64"), prefix + name);
        assert.equal(syscallNumber(prefix + name, "x64"), nr);
        compared++;
      }
      assert(compared > 300, `${compared} names compared`);
    });
  }

  it("keep the tables of an architecture separate", () => {
    assert.equal(syscallName(257, "x64"), "openat");
    assert.equal(syscallName(compatBit + 295, "x64"), "compat_openat");
    assert.equal(syscallName(x32Bit + 257, "x64"), "x32_openat");
    assert.equal(syscallName(56, "arm64"), "openat");
    assert.equal(syscallName(compatBit + 322, "arm64"), "compat_openat");
    assert.equal(syscallName(compatBit + 1002, "arm64"), "compat_cacheflush");
    assert.equal(syscallName(471, "x64"), "rseq_slice_yield");
    assert.equal(syscallName(471, "arm64"), "rseq_slice_yield");
  });

  it("are made up where the kernel has none", () => {
    assert.equal(syscallName(600, "x64"), "syscall_600");
    assert.equal(syscallName(compatBit + 601, "x64"), "compat_syscall_601");
    assert.equal(syscallName(x32Bit + 602, "x64"), "x32_syscall_602");
    assert.equal(syscallName(1023, "x64"), "syscall_unknown");
  });

  it("stand for a call in each table that has it", () => {
    const places = (name: string): string[] => syscallIndexes(name).map((index) => syscallName(numberAt(index)));
    const native = process.arch === "x64" ? ["openat", "compat_openat", "x32_openat"] : ["openat", "compat_openat"];
    assert.deepEqual(places("openat"), native);
    assert.deepEqual(places("fstatat64"), ["compat_fstatat64"]);
    assert.throws(() => syscallIndexes("opneat"), /^Error: system call "opneat": there is none of this name$/);
  });

  it("throw for an architecture without tables", () => {
    assert.throws(() => syscallName(0, "mips"), /architecture mips.*x64, arm64/);
  });
});

describe("numbers of system calls", () => {
  it("are those that have the name, and none for others", () => {
    for (const arch of ["x64", "arm64"]) {
      for (const mark of [0, compatBit, x32Bit]) {
        for (let nr = mark; nr < mark + 1023; nr++) {
          if (arch === "x64" || mark !== x32Bit) {
            assert.equal(syscallNumber(syscallName(nr, arch), arch), nr);
          }
        }
      }
    }
    assert.equal(syscallNumber("syscall_unknown", "x64"), 1023);
    for (const name of [
      "",
      "opeanat",
      "compat_",
      "syscall_",
      "syscall_0",
      "syscall_1024",
      "syscall_99999",
      "openat ",
    ]) {
      assert.equal(syscallNumber(name, "x64"), undefined, name);
    }
    assert.equal(syscallNumber("open", "arm64"), undefined);
    assert.equal(syscallNumber("x32_openat", "arm64"), undefined);
  });

  it("have an index each", () => {
    const indexes = [0, 1, 1023, compatBit, compatBit + 1022, x32Bit, x32Bit + 1022].map(syscallIndex);
    assert.deepEqual(indexes, [0, 1, 1023, 1024, 2046, 2048, 3070]);
    assert(indexes.every((index) => index < indexCount));
  });
});

describe("names of errors", () => {
  it("are libc's", () => {
    /** Second names of a value. */
    const aliases = new Map([
      ["EWOULDBLOCK", "EAGAIN"],
      ["ENOTSUP", "EOPNOTSUPP"],
      ["EDEADLOCK", "EDEADLK"],
    ]);
    for (const [name, value] of Object.entries(constants.errno)) {
      assert.equal(errnoName(value), aliases.get(name) ?? name);
    }
  });

  it("go beyond what libc has", () => {
    assert.equal(errnoName(512), "ERESTARTSYS");
    assert.equal(errnoName(516), "ERESTART_RESTARTBLOCK");
    assert.equal(errnoName(524), "ENOTSUPP");
    assert.equal(errnoName(41), "errno_41");
    assert.equal(errnoName(4095), "errno_4095");
  });
});

describe("setup of the syscall signal", () => {
  const plain = defaultValues(syscall.flags);
  const stream = { ...plain, mode: "stream" } as const;

  it("leaves out all names but those asked for, and none when none is", () => {
    const names = [syscallName(9), "syscall_1000", syscallName(compatBit + 8)];
    const { variables: set } = syscall.setup({ ...stream, names }, defaultHost);
    const bitmap = set?.left_out as Uint8Array;
    const clear = Array.from({ length: indexCount }, (_, index) => index).filter(
      (index) => (((bitmap[index >>> 3] as number) >>> (index & 7)) & 1) === 0,
    );
    assert.deepEqual(clear, [9, 1000, 1024 + 8]);
    assert.equal(set?.filter_names, 1);
    const unfiltered = syscall.setup(stream, defaultHost).variables;
    assert.deepEqual(unfiltered?.left_out, new Uint8Array(indexCount / 8));
    assert.equal(unfiltered.filter_names, 0);
  });

  it("refuses a name that no system call has", () => {
    assert.throws(() => syscall.setup({ ...stream, names: ["opeanat"] }, defaultHost), /system call "opeanat"/);
  });

  it("streams whenever it traces, and needs neither filter nor ring where it counts", () => {
    assert.equal(syscall.setup(plain, { ...defaultHost, mode: "trace" }).constants?.stream, 1);
    const { ringSize, variables, sets, constants } = syscall.setup(plain, defaultHost);
    assert.deepEqual([ringSize, variables, sets], [0, undefined, undefined]);
    assert.deepEqual(constants, { call_lines: 32_768, timing: 1 });
  });

  it("changes how calls are timed while it counts, from the flag's depth on, and only where the agent may ask for it", () => {
    const depths = (values: typeof plain): readonly string[] | undefined => syscall.depths?.(values);
    assert.deepEqual(depths({ ...plain, timing: "all" }), ["all", "sampled", "off"]);
    assert.deepEqual(depths(plain), ["sampled", "off"]);
    assert.deepEqual(depths(stream), []);
    const { constants, variables } = syscall.setup(plain, { ...defaultHost, depth: "off" });
    assert.deepEqual(constants, { call_lines: 32_768, timing: 1, timing_changes: 1 });
    assert.deepEqual(variables, { timing_now: 2 });
    assert.throws(
      () => syscall.setup(plain, { ...defaultHost, depth: "deep" }),
      /depth "deep": want all, sampled, off/,
    );
  });

  it("tells the kernel how calls are timed", () => {
    const depths = (["all", "sampled", "off"] as const).map(
      (timing) => syscall.setup({ ...plain, timing }, defaultHost).constants?.timing,
    );
    assert.deepEqual(depths, [0, 1, 2], "enum timing of bpf/syscall/call_timing.h");
  });

  it("sizes the maps of the kernel by the limits", () => {
    const limits = { countsLimit: 20, threadsLimit: 7 };
    const { sizes, constants } = syscall.setup({ ...plain, ...limits }, defaultHost);
    assert.deepEqual(sizes, { calls: 32 + indexCount, lines: 32 + indexCount, errors: 64, waiting: 7 });
    assert.deepEqual(constants, { call_lines: 32, timing: 1 });
    assert.deepEqual(syscall.setup({ ...stream, ...limits }, defaultHost).sizes, sizes);
  });

  it("has no counts of calls without a record for trace, which shows records", () => {
    const inTrace = { ...defaultHost, mode: "trace" } as const;
    const { sizes, constants, without } = syscall.setup({ ...plain, threadsLimit: 7 }, inTrace);
    assert.deepEqual([sizes, constants], [{ waiting: 7 }, { stream: 1, counting: 0 }]);
    assert.deepEqual(without, ["calls", "lines", "errors", "errors_overflow"]);
    const asStream = syscall.setup(stream, defaultHost);
    assert.deepEqual([asStream.constants?.counting, asStream.without], [1, []]);
  });

  it("filters by what trace asks for as well as by its flags", () => {
    const host = { ...defaultHost, mode: "trace", only: { pids: [258], comms: ["nginx"] } } as const;
    const { sets, variables } = syscall.setup({ ...plain, pids: [1] }, host);
    const comm = Buffer.alloc(16);
    comm.write("nginx");
    assert.deepEqual(sets, {
      pids: [Uint8Array.of(1, 0, 0, 0), Uint8Array.of(2, 1, 0, 0)],
      comms: [new Uint8Array(comm)],
    });
    assert.deepEqual([variables?.filter_pids, variables?.filter_comms], [1, 1]);
  });
});
