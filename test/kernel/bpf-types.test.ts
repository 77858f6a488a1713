/** `ringtap bpf types`: what editors and the compiler are told of this kernel. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";

import ts from "typescript";
import { moduleOptions } from "../../src/cli/signal/compile-module.js";
import { runRingtap } from "./support/ringtap.js";
import { suiteScope } from "./support/scope.js";
import { outsideFolder } from "./support/signal-folder.js";

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

  it("names a file that is no BTF", async (t) => {
    const { status, stderr } = await runRingtap(t, ["bpf", "types", "--kernel=/etc/passwd"]);
    assert.deepEqual([status, stderr], [1, "ringtap: reading /etc/passwd: no BTF in it\n"]);
  });
});
