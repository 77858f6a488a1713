/** `ringtap bpf types`: what editors and the compiler are told of this kernel. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { before, describe, it } from "node:test";

import ts from "typescript";
import { moduleOptions } from "../../../src/cli/signal/compile-module.js";
import { runRingtap } from "../support/ringtap.js";
import { suiteScope } from "../support/scope.js";
import { outsideFolder } from "../support/signal-folder.js";

const require = createRequire(import.meta.url);

const runningKernel = "/sys/kernel/btf/vmlinux";

/** What the compiler says of each of some modules beside these declarations; empty where nothing. */
function problems<Name extends string>(
  folder: string,
  declarations: string,
  modules: Readonly<Record<Name, string>>,
): Record<Name, string> {
  const found = Object.entries<string>(modules).map(([name, text]) => {
    const path = join(folder, `${name}.ts`);
    writeFileSync(path, text);
    return [name, path] as const;
  });
  const { options } = ts.convertCompilerOptionsFromJson({ strict: true, ...moduleOptions(), noEmit: true }, folder);
  const program = ts.createProgram([...found.map(([, path]) => path), declarations], options);
  const messages = ts.getPreEmitDiagnostics(program);
  const of = (path: string): string =>
    messages
      .filter(({ file }) => file?.fileName === path)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, " "))
      .join("; ");
  return Object.fromEntries(found.map(([name, path]) => [name, of(path)])) as Record<Name, string>;
}

function moduleOf(tracepoint: string, definition: string): string {
  return `import { has, tracepoint } from "ringtap/bpf";
export default tracepoint("${tracepoint}", (e, h) => ({ name: "typed", ${definition} }));
`;
}

describe("ringtap bpf types", () => {
  const scope = suiteScope();
  let folder = "";
  let declarations = "";

  before(async () => {
    folder = outsideFolder(scope);
    writeFileSync(join(folder, "package.json"), '{"type":"module"}\n');
    declarations = join(folder, "kernel.d.ts");
    const { status, stderr } = await runRingtap(scope, ["bpf", "types", "-o", declarations]);
    assert.deepEqual([status, stderr], [0, ""]);
  });

  it("knows the fields of the running kernel, in 500 KB, and lets the compiler find what it does not have", () => {
    assert(readFileSync(declarations).length < 500_000);
    const exit = "sched_process_exit";
    const { right, field, struct, name } = problems(folder, declarations, {
      right: moduleOf(exit, "where: e.p.comm.eq('a').and(h.task.tgid.gt(1)), count: { by: { code: e.p.exit_code } }"),
      field: moduleOf(exit, "count: { by: { code: e.p.exit_kode } }"),
      struct: moduleOf(exit, "count: { by: { parent: e.p.real_parent } }"),
      name: moduleOf("sched_process_exot", "record: {}"),
    });
    assert.equal(right, "");
    assert.match(field, /'exit_kode' does not exist on type 'task_struct'/);
    assert.match(struct, /'task_struct' is not assignable to type 'Recorded'/);
    assert.match(name, /"sched_process_exot"/);
  });

  it("type-checks a project as it is scaffolded, by the compiler in JavaScript and by the native one", async () => {
    const project = join(folder, "project");
    const { status, stderr } = await runRingtap(scope, ["signal", "new", "typed", project, "--typescript"]);
    assert.deepEqual([status, stderr], [0, ""]);
    const compilers = {
      javascript: [require.resolve("typescript/lib/tsc.js")],
      native: [join(dirname(require.resolve("typescript-native/package.json")), "bin/tsc")],
    };
    const module = join(project, "signal.ts");
    const text = readFileSync(module, "utf8");
    for (const [compiler, args] of Object.entries(compilers)) {
      const check = (): string =>
        spawnSync(process.execPath, [...args, "--noEmit", "--project", project], { encoding: "utf8" }).stdout;
      writeFileSync(module, text);
      assert.equal(check(), "", compiler);
      writeFileSync(module, text.replace("e.task.comm", "e.task.com"));
      assert.match(
        check(),
        /signal\.ts\(\d+,\d+\): error TS2551: Property 'com' does not exist on type 'task_struct'/,
        compiler,
      );
    }
  });

  it("knows what a mark has kept, what a struct is taken for, and that no process is known in interrupts", () => {
    const marked = (
      definition: string,
    ): string => `import { address, cast, mark, on, tracepoint, tracepoints } from "ringtap/bpf";
const issued = mark("block_rq_issue", (e, h) => ({ key: address(e.rq), keep: { comm: h.comm, bytes: e.rq.__data_len } }));
export default tracepoint("block_rq_complete", (e, h) => {
  const start = h.since(issued, address(e.rq));
  return { name: "typed", ${definition} };
});
export const several = tracepoints({ name: "several" }, [on("sched_process_fork", (e, h) => ({ gauge: { add: 1, by: { comm: h.comm } } }))]);
export const window = tracepoint("tcp_probe", (e) => ({ name: "cwnd", owner: "none", gauge: { last: cast(e.sk, "struct tcp_sock").snd_cwnd } }));
`;
    const { right, field, comm, owner, struct } = problems(folder, declarations, {
      right: marked("owner: start.owner, count: { by: { comm: start.kept.comm }, sum: { bytes: start.kept.bytes } }"),
      field: marked("owner: start.owner, count: { by: { comm: start.kept.com } }"),
      comm: marked('owner: "none", count: { by: { comm: h.comm } }'),
      owner: marked("count: { by: { comm: h.unattributed.comm } }"),
      struct: marked('owner: "none", count: {}').replace("snd_cwnd", "snd_cwndd"),
    });
    assert.equal(right, "");
    assert.match(field, /'com' does not exist/);
    assert.match(comm, /this tracepoint fires in interrupts, while an unrelated process runs|Unattributed/);
    assert.match(owner, /'owner' is missing/);
    assert.match(struct, /'snd_cwndd' does not exist on type 'tcp_sock'/);
  });

  it("makes optional what one of several kernels lacks", async (t) => {
    const other = join(folder, "other");
    const bytes = readFileSync(runningKernel);
    const at = bytes.indexOf("\0exit_code\0");
    assert(at > 0);
    writeFileSync(other, bytes.fill("exit_kode", at + 1, at + 10));
    const both = join(folder, "both.d.ts");
    const args = ["bpf", "types", `--kernel=${runningKernel},${other}`, "--out", both];
    assert.equal((await runRingtap(t, args)).status, 0);
    const { blind, asking } = problems(folder, both, {
      blind: moduleOf("sched_process_exit", "count: { by: { code: e.p.exit_code } }"),
      asking: moduleOf(
        "sched_process_exit",
        "count: { by: { code: has(e.p, 'exit_code') ? e.p.exit_code : e.p.pid } }",
      ),
    });
    assert.match(blind, /undefined/);
    assert.equal(asking, "");
  });

  /** The running kernel's types, in which names have changed places with others that are as long; a file. */
  function withNames(name: string, swaps: Readonly<Record<string, string>>): string {
    const bytes = readFileSync(runningKernel);
    const place = (text: string): number => {
      const at = bytes.indexOf(`\0${text}\0`);
      assert(at > 0, text);
      return at + 1;
    };
    for (const [one, other] of Object.entries(swaps)) {
      const [first, second] = [place(one), bytes.indexOf(`\0${other}\0`)];
      bytes.write(other, first);
      if (second > 0) {
        bytes.write(one, second + 1);
      }
    }
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  }

  it("lets nothing be done with a field but what all of several kernels allow, whatever its type is there", async (t) => {
    const other = withNames("others", {
      comm: "tgid",
      real_parent: "exit_signal",
      TRACE_SIGNAL_IGNORED: "TRACE_SIGNAL_IGNOBLE",
      SKB_DROP_REASON_NO_SOCKET: "SKB_DROP_REASON_NO_SOCKEX",
    });
    const both = join(folder, "united.d.ts");
    for (const kernels of [`${runningKernel},${other}`, `${other},${runningKernel}`]) {
      assert.equal((await runRingtap(t, ["bpf", "types", `--kernel=${kernels}`, "--out", both])).status, 0);
      const exit = (definition: string): string =>
        moduleOf("sched_process_exit", definition).replace("has,", "has, Num, Text,");
      const found = problems(folder, both, {
        text: exit("where: e.p.comm.eq('a'), count: {}"),
        number: exit("where: e.p.tgid.gt(1), count: {}"),
        asked: exit("where: e.p.comm instanceof Text ? e.p.comm.eq('a') : e.p.comm.eq(1), count: {}"),
        struct: exit("count: { by: { comm: e.p.real_parent.pid } }"),
        askedStruct: exit(
          "count: { by: { pid: e.p.real_parent instanceof Num ? e.p.real_parent : e.p.real_parent.pid } }",
        ),
        one: moduleOf("kfree_skb", "owner: 'none', where: e.reason.eq('SKB_DROP_REASON_NO_SOCKET'), count: {}"),
        all: moduleOf("kfree_skb", "owner: 'none', where: e.reason.eq('SKB_DROP_REASON_UDP_CSUM'), count: {}"),
        least: moduleOf("kfree_skb", "owner: 'none', where: e.reason.gt(2), count: { by: { reason: e.reason } }"),
      });
      for (const wrong of ["text", "number", "struct", "one"] as const) {
        assert.notEqual(found[wrong], "", `${kernels}: ${wrong}`);
      }
      for (const right of ["asked", "askedStruct", "all", "least"] as const) {
        assert.equal(found[right], "", `${kernels}: ${right}`);
      }
    }
  });

  it("of the oldest and the newest kernel are what a signal for both is checked by", async (t) => {
    const images = ["5.10", "newest"].map((kernel) => `/var/tmp/ringtap-vmtest/${kernel}/vmlinux`);
    if (!images.every((image) => existsSync(image))) {
      t.skip("no kernels of scripts/vm/vmtest");
      return;
    }
    const files = images.map((image, index) => {
      const path = join(folder, `btf-${index}`);
      execFileSync("objcopy", [`--dump-section=.BTF=${path}`, image, "/dev/null"]);
      return path;
    });
    const both = join(folder, "old-and-new.d.ts");
    assert.equal((await runRingtap(t, ["bpf", "types", `--kernel=${files.join()}`, "--out", both])).status, 0);
    const drops = (definition: string): string => moduleOf("kfree_skb", `owner: "none", ${definition}`);
    const found = problems(folder, both, {
      // 5.10 has no reasons.
      reason: drops("count: { by: { reason: e.reason } }"),
      askedReason: drops("count: { by: { ...(has(e, 'reason') && { reason: e.reason }) } }"),
      protocol: drops("count: { by: { protocol: e.skb.protocol } }"),
      // It has a lock, and later ones a lease.
      lease: moduleOf("generic_add_lease", "count: { by: { type: e.fl.fl_type } }"),
      askedLease: moduleOf(
        "generic_add_lease",
        "count: { by: { type: has(e.fl, 'fl_type') ? e.fl.fl_type : has(e.fl, 'c') ? e.fl.c.flc_type : e.inode.i_ino } }",
      ),
      itself: `import "./old-and-new.js";`,
    });
    assert.match(found.reason, /undefined/);
    assert.match(found.lease, /'fl_type' does not exist on type 'file_lock \| file_lease'/);
    assert.deepEqual([found.askedReason, found.protocol, found.askedLease, found.itself], ["", "", "", ""]);
    assert.equal(problems(folder, both, { whole: "export {};" }).whole, "");
  });

  it("names a file that is no BTF", async (t) => {
    const { status, stderr } = await runRingtap(t, ["bpf", "types", "--kernel=/etc/passwd"]);
    assert.deepEqual([status, stderr], [1, "ringtap: reading /etc/passwd: no BTF in it\n"]);
  });
});
