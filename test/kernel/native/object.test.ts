import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";

import { type BpfObject, native } from "../../../src/binding/native.js";
import { bpfMappings, compile, descriptorCount, getppid, nativeError, scratch } from "./fixture.js";

const ring = compile("ring");
const rejected = compile("rejected");
const types = compile("types");

/** What the program of the variables' fixture, attached, writes at the next system call. */
function written(object: BpfObject): DataView {
  assert(process.ppid > 0);
  const results = object.map("results");
  assert.equal(results.readAll(), 1);
  return new DataView(results.values.slice(0));
}

/** Loads the fixture after `prepare` and returns the struct its program wrote. */
function shown(prepare: (object: BpfObject) => void): DataView {
  const object = native.open(types);
  try {
    prepare(object);
    object.load();
    object.attach("show");
    return written(object);
  } finally {
    object.close();
  }
}

describe("opening", () => {
  it("lists programs and maps in file order", () => {
    const object = native.open(ring);
    assert.deepEqual(object.programs, [{ name: "on_enter", section: "tp_btf/sys_enter" }]);
    assert.deepEqual(
      object.maps.map(({ name, type, keySize, maxEntries }) => ({ name, type, keySize, maxEntries })),
      [
        { name: "counters", type: 2, keySize: 4, maxEntries: 4 },
        { name: "events", type: 27, keySize: 0, maxEntries: 4096 },
        { name: "ring.rodata", type: 2, keySize: 4, maxEntries: 1 },
      ],
    );
    object.close();
  });

  it("tells the descriptors of the maps that were created", () => {
    const object = native.open(compile("maps"));
    object.setAutocreate("lru", false);
    const found = (): [string, boolean][] => object.maps.map(({ name, descriptor }) => [name, descriptor >= 0]);
    assert(found().every(([, created]) => !created));
    object.load();
    assert.deepEqual(
      found().filter(([, created]) => !created),
      [["lru", false]],
    );
    object.close();
  });

  it("names a file that is not there, with its errno", () => {
    const error = nativeError(() => native.open("/nonexistent/x.bpf.o"));
    assert.equal(error.code, "ENOENT");
    assert.equal(error.errno, 2);
    assert.equal(error.subject, "/nonexistent/x.bpf.o");
    assert.match(error.message, /^opening \/nonexistent\/x\.bpf\.o: No such file or directory \(ENOENT\)$/u);
  });

  it("refuses what is no BPF object, quietly on stderr", () => {
    mkdirSync(scratch("folder.bpf.o"));
    writeFileSync(scratch("empty.bpf.o"), "");
    writeFileSync(scratch("text.bpf.o"), "This is text, not an object.\n".repeat(200));
    const noise = Uint8Array.from({ length: 8192 }, (_, i) => (i * 2654435761) >>> 13);
    writeFileSync(scratch("noise.bpf.o"), noise);
    copyFileSync(process.execPath, scratch("program.bpf.o"));
    for (const name of ["folder", "empty", "text", "noise", "program"]) {
      const path = scratch(`${name}.bpf.o`);
      const error = nativeError(() => native.open(path));
      assert.equal(error.subject, path);
      assert.match(error.log, /libbpf/u, `${name}: ${error.message}`);
    }
    const script = `try { require(process.argv[1]).open(process.argv[2]) } catch {}`;
    const addon = new URL("../../../native/ringtap.node", import.meta.url).pathname;
    const argv = ["-e", script, addon, scratch("text.bpf.o")];
    assert.equal(execFileSync(process.execPath, argv, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }), "");
  });

  it("opens what lies in memory as it opens a file, and keeps no descriptor of it", () => {
    const bytes = readFileSync(types);
    const before = descriptorCount();
    const object = native.openBytes(bytes, "made here");
    bytes.fill(0);
    object.load();
    object.attach("show");
    assert.deepEqual(
      written(object),
      shown(() => undefined),
    );
    assert.throws(() => object.attach("none"), /made here/u);
    object.close();
    assert.equal(descriptorCount(), before);
    const error = nativeError(() => native.openBytes(new Uint8Array(0), "nothing"));
    assert.deepEqual([error.subject, error.message.startsWith("opening nothing: ")], ["nothing", true]);
    assert.throws(() => native.openBytes("text" as unknown as Uint8Array, "x"), TypeError);
  });

  it("survives an object cut short anywhere", () => {
    const whole = readFileSync(ring);
    let refused = 0;
    for (let length = 0; length < whole.length; length += 61) {
      const path = scratch("cut.bpf.o");
      writeFileSync(path, whole.subarray(0, length));
      for (const open of [() => native.open(path), () => native.openBytes(whole.subarray(0, length), "cut")]) {
        try {
          open().close();
        } catch {
          refused++;
        }
      }
    }
    // The section headers are at the end of the file: without them there is nothing.
    assert.equal(refused, 2 * Math.ceil(whole.length / 61));
  });

  it("takes a kernel BTF file and refuses one that is none", () => {
    const good = native.open(ring, "/sys/kernel/btf/vmlinux");
    good.load();
    good.close();
    const path = scratch("bad.btf");
    writeFileSync(path, "no BTF");
    // Only programs with CO-RE relocations need it.
    const bad = native.open(compile("maps"), path);
    assert.match(nativeError(() => bad.load()).message, /^loading maps\.bpf\.o: /u);
    bad.close();
  });

  it("wants a path", () => {
    const open = native.open.bind(native) as (...values: unknown[]) => unknown;
    for (const value of [undefined, null, 7, {}, "a\0b"]) {
      assert.throws(() => open(value), { name: "TypeError", message: /argument path must be/u });
    }
    assert.throws(() => open(ring, 7), { name: "TypeError", message: /argument btf must be a string/u });
  });
});

describe("constants", () => {
  it("are written at the variable's size and sign", () => {
    const bytes = shown((object) => {
      object.setConstant("byte", 255);
      object.setConstant("word", -32768);
      object.setConstant("dword", 4294967295);
      object.setConstant("qword", -(2n ** 63n));
      object.setConstant("uqword", 2n ** 64n - 1n);
      object.setConstant("flag", 1);
      object.setConstant("color", 5);
      object.setConstant("shift", -1);
      object.setConstant("name", new TextEncoder().encode("new"));
      object.setConstant("both", Uint8Array.of(7, 0, 8, 1));
    });
    const numbers = Array.from({ length: 8 }, (_, i) => bytes.getBigInt64(8 * i, true));
    assert.deepEqual(numbers, [255n, -32768n, 4294967295n, -(2n ** 63n), -1n, 1n, 5n, -1n]);
    assert.deepEqual(new Uint8Array(bytes.buffer, 64, 8), new TextEncoder().encode("new\0\0\0\0\0"));
    assert.deepEqual(new Uint16Array(bytes.buffer, 72, 2), Uint16Array.of(7, 264));
  });

  it("keep the initial value where none is set", () => {
    const bytes = shown((object) => {
      object.setConstant("byte", 1);
      object.setConstant("color", new Uint8Array(0));
    });
    assert.deepEqual(new Uint8Array(bytes.buffer, 64, 8), new TextEncoder().encode("initial\0"));
    assert.deepEqual(new Uint16Array(bytes.buffer, 72, 2), Uint16Array.of(1, 2));
  });

  it("must fit", () => {
    const object = native.open(types);
    const refused: [string, number | bigint | Uint8Array][] = [
      ["byte", 256],
      ["byte", -1],
      ["byte", 1.5],
      ["byte", NaN],
      ["byte", Infinity],
      ["word", 32768],
      ["word", -32769],
      ["dword", -1],
      ["dword", 2 ** 32],
      ["qword", 2n ** 63n],
      ["uqword", 2n ** 64n],
      ["uqword", -1n],
      ["flag", 2],
      ["shift", -(2 ** 31) - 1],
      ["name", 7],
      ["both", 7],
      ["name", new Uint8Array(9)],
      ["byte", new Uint8Array(2)],
    ];
    for (const [name, value] of refused) {
      const error = nativeError(() => {
        object.setConstant(name, value);
      });
      assert.equal(error.code, "ERINGTAP");
      assert.equal(error.errno, 0);
      assert.equal(error.subject, name);
      assert.match(error.message, new RegExp(`^setting constant "${name}" of types\\.bpf\\.o: `, "u"));
    }
    assert.match(nativeError(() => object.setConstant("byte", 256)).message, /: 256 does not fit its 1 bytes$/u);
    const set = object.setConstant.bind(object) as (name: string, value: unknown) => void;
    for (const value of [undefined, null, "7", true, {}, Uint16Array.of(1)]) {
      assert.throws(() => set("byte", value), { name: "TypeError", message: /argument value must be/u });
    }
    object.close();
  });

  it("are listed where the name is unknown", () => {
    const object = native.open(ring);
    const error = nativeError(() => object.setConstant("nope", 1));
    assert.match(error.message, /: no such constant, only target_pid, target_nr, silent$/u);
    object.close();
  });
});

describe("variables", () => {
  const name = (bytes: DataView): string => Buffer.from(bytes.buffer, 96, 11).toString("latin1");

  it("change under an attached program, each by itself", () => {
    const object = native.open(types);
    object.load();
    object.attach("show");
    let bytes = written(object);
    assert.deepEqual([bytes.getBigUint64(80, true), bytes.getBigUint64(88, true)], [7n, 0n]);
    object.setVariable("changing", 2n ** 64n - 1n);
    object.setVariable("changing_name", Buffer.from("eleven byte"));
    bytes = written(object);
    assert.deepEqual([bytes.getBigUint64(80, true), bytes.getBigUint64(88, true)], [2n ** 64n - 1n, 0n]);
    assert.equal(name(bytes), "eleven byte");
    object.setVariable("changing", 1);
    object.setVariable("changing_byte", 255);
    object.setVariable("changing_name", Buffer.from("ten bytes."));
    bytes = written(object);
    assert.deepEqual([bytes.getBigUint64(80, true), bytes.getBigUint64(88, true)], [1n, 255n]);
    assert.equal(name(bytes), "ten bytes.\0");
    object.close();
  });

  it("leave no mapping and no descriptor behind", () => {
    const object = native.open(types);
    object.load();
    const before = [bpfMappings().length, descriptorCount()];
    object.setVariable("changing", 1);
    assert.deepEqual([bpfMappings().length, descriptorCount()], before);
    object.close();
  });

  it("are there once the object is loaded, and until it is closed", () => {
    const object = native.open(types);
    const set = (): void => {
      object.setVariable("changing", 1);
    };
    assert.match(nativeError(set).message, /^setting variable "changing" of types\.bpf\.o: .* is not loaded$/u);
    object.load();
    set();
    object.close();
    assert.match(nativeError(set).message, /: object types\.bpf\.o is closed$/u);
  });

  it("must fit, and are listed where the name is unknown or a constant's", () => {
    const object = native.open(types);
    object.load();
    const refusal = (variable: string, value: number | Uint8Array): string =>
      nativeError(() => {
        object.setVariable(variable, value);
      }).message;
    assert.match(refusal("changing_byte", 256), /^setting variable "changing_byte" .*: 256 does not fit its 1 bytes$/u);
    assert.match(refusal("changing_name", new Uint8Array(12)), /: 12 bytes do not fit its 11$/u);
    for (const unknown of ["nope", "byte"]) {
      assert.match(refusal(unknown, 1), /: no such variable, only .*\bchanging\b/u);
    }
    object.close();
  });
});

describe("loading", () => {
  it("names the program that the verifier refused, with its log", () => {
    const object = native.open(rejected);
    object.setAutocreate("impossible", false);
    object.setAutoload("nowhere", false);
    const error = nativeError(() => object.load());
    assert.equal(error.code, "EACCES");
    assert.equal(error.subject, "careless");
    assert.equal(error.message, 'loading rejected.bpf.o: program "careless": Permission denied (EACCES)');
    assert.match(error.log, /R0 invalid mem access 'map_value_or_null'/u);
    assert.match(nativeError(() => object.load()).message, /rejected\.bpf\.o failed to load; open it again$/u);
    object.close();
  });

  it("names a hook that the kernel does not have", () => {
    const object = native.open(rejected);
    object.setAutocreate("impossible", false);
    object.setAutoload("careless", false);
    const error = nativeError(() => object.load());
    assert.equal(error.subject, "nowhere");
    assert.equal(error.code, "ESRCH");
    object.close();
  });

  it("names a helper function that the kernel does not have", () => {
    const object = native.open(compile("helper"));
    const error = nativeError(() => object.load());
    assert.equal(error.code, "EINVAL");
    assert.match(
      error.message,
      /^loading helper\.bpf\.o: program "ahead": this kernel has no helper function number 4000: /u,
    );
    object.close();
  });

  it("names the map that the kernel refused", () => {
    const object = native.open(rejected);
    const error = nativeError(() => object.load());
    assert.equal(error.subject, "impossible");
    assert.equal(error.code, "EINVAL");
    assert.match(error.message, /map "impossible"/u);
    object.close();
  });

  it("leaves out what it is told to, and puts it back", () => {
    const object = native.open(rejected);
    object.setAutocreate("impossible", false);
    object.setAutoload("careless", false);
    object.setAutoload("nowhere", false);
    object.setAutoload("harmless", false);
    object.setAutoload("harmless", true);
    object.load();
    object.attach("harmless");
    const left = /was left out of the load$/u;
    assert.match(nativeError(() => object.attach("careless")).message, left);
    assert.match(nativeError(() => object.stats("careless")).message, left);
    assert.match(nativeError(() => object.map("impossible")).message, left);
    object.close();
  });

  it("in other threads: each ends in its object's error, or loads it", () => {
    const objects = Array.from({ length: 6 }, (_, n) => {
      const object = native.open(n % 2 === 0 ? ring : rejected);
      if (n % 2 === 1) {
        object.setAutocreate("impossible", false);
        object.setAutoload("nowhere", false);
      }
      object.beginLoad();
      return object;
    });
    const refusals = objects.map((object, n) => {
      if (n % 2 === 0) {
        object.load();
        object.attach("on_enter");
        return "";
      }
      const { message, log } = nativeError(() => object.load());
      assert.match(log, /R0 invalid mem access 'map_value_or_null'/u);
      assert.match(nativeError(() => object.load()).message, /rejected\.bpf\.o failed to load; open it again$/u);
      return message;
    });
    const refusal = 'loading rejected.bpf.o: program "careless": Permission denied (EACCES)';
    assert.deepEqual(refusals, ["", refusal, "", refusal, "", refusal]);
    for (const object of objects) {
      object.close();
    }
  });

  it("in another thread: nothing can be changed meanwhile, and close waits for it", () => {
    const before = bpfMappings().length + descriptorCount();
    const object = native.open(ring);
    object.beginLoad();
    for (const action of [
      () => object.setConstant("target_pid", 1),
      () => object.setAutoload("on_enter", false),
      () => object.attach("on_enter"),
      () => object.beginLoad(),
    ]) {
      assert.match(nativeError(action).message, /: object ring\.bpf\.o is being loaded$/u);
    }
    assert.equal(object.programs.length, 1);
    object.close();
    assert.match(nativeError(() => object.load()).message, /: object ring\.bpf\.o is closed$/u);
    assert.equal(bpfMappings().length + descriptorCount(), before);
  });

  it("comes before attaching and after adjusting", () => {
    const object = native.open(ring);
    const early = [
      () => object.attach("on_enter"),
      () => object.ring("events"),
      () => object.map("counters"),
      () => object.stats("on_enter"),
      () => object.iterator("on_enter"),
    ];
    for (const action of early) {
      assert.match(nativeError(action).message, /: object ring\.bpf\.o is not loaded$/u);
    }
    object.load();
    const late = [
      () => object.load(),
      () => object.setConstant("target_pid", 1),
      () => object.setAutoload("on_enter", true),
      () => object.setAutocreate("events", true),
      () => object.setMaxEntries("events", 8192),
    ];
    for (const action of late) {
      assert.match(nativeError(action).message, /: object ring\.bpf\.o is loaded already$/u);
    }
    object.close();
  });

  it("lists the names there are where one is unknown", () => {
    const object = native.open(ring);
    const program = /no program "nope" in ring\.bpf\.o, only on_enter$/u;
    const map = /no map "nope" in ring\.bpf\.o, only counters, events, ring\.rodata$/u;
    assert.match(nativeError(() => object.setAutoload("nope", true)).message, program);
    assert.match(nativeError(() => object.setAutocreate("nope", true)).message, map);
    assert.match(nativeError(() => object.setMaxEntries("nope", 1)).message, map);
    object.load();
    assert.match(nativeError(() => object.attach("nope")).message, program);
    assert.match(nativeError(() => object.stats("nope")).message, program);
    assert.match(nativeError(() => object.iterator("nope")).message, program);
    assert.match(nativeError(() => object.map("nope")).message, map);
    assert.match(nativeError(() => object.ring("nope")).message, map);
    object.close();
  });
});

describe("attaching", () => {
  it("happens once", () => {
    const object = native.open(ring);
    object.load();
    object.attach("on_enter");
    assert.match(nativeError(() => object.attach("on_enter")).message, /it is attached already$/u);
    object.close();
  });

  it("counts runs and time while statistics are on", () => {
    const object = native.open(ring);
    object.setConstant("target_nr", getppid);
    object.load();
    object.attach("on_enter");
    const disable = native.enableStats();
    const before = object.stats("on_enter").runs;
    for (let i = 0; i < 1000; i++) {
      assert(process.ppid > 0);
    }
    const after = object.stats("on_enter");
    assert(after.runs - before >= 1000);
    assert(after.nanoseconds > after.runs);
    assert(after.verifiedInstructions > 10);
    disable();
    disable();
    object.close();
  });
});
