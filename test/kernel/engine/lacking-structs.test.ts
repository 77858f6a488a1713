/** Objects that ask for structs which the kernel does not have, in an agent with the least privileges. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { it } from "node:test";
import { pathToFileURL } from "node:url";

import { type Architecture, compileBpf } from "../../../src/cli/signal/compile-bpf.js";
import { scratch } from "../support/program.js";
import { onlyCapabilities } from "../support/ringtap.js";

const source = `// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <ringtap/core.h>

KERNEL_TYPES_BEGIN

struct no_such_struct {
	bool no_such_field;
};

KERNEL_TYPES_END

SEC("tp_btf/task_rename")
int BPF_PROG(lacking, struct task_struct *task)
{
	return bpf_core_field_exists(struct no_such_struct, no_such_field);
}
`;

it("are loaded without CAP_SYS_ADMIN, which a search in the types of modules would take", () => {
  const [text, file] = [scratch("lacking.bpf.c"), scratch("lacking.bpf.o")];
  writeFileSync(text, source);
  compileBpf(text, file, process.arch as Architecture);
  chmodSync(file, 0o644);
  const load = new URL("../../../src/engine/load.js", import.meta.url);
  const script = `import { loadSignal } from ${JSON.stringify(load)};
    const object = new URL(${JSON.stringify(pathToFileURL(file))});
    const { attachable, close } = loadSignal({ api: 1, name: "lacking", summary: "a signal", object, start: () => ({}) });
    console.log(attachable.join());
    close();`;
  const capabilities = onlyCapabilities("dac_read_search", "bpf", "perfmon");
  const command = ["--reuid=65534", "--clear-groups", ...capabilities, process.execPath];
  const args = [...command, "--input-type=module", "--eval", script];
  assert.equal(execFileSync("setpriv", args, { encoding: "utf8" }), "lacking\n");
});
