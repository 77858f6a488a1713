/** The types of the running kernel and of its modules: read once for signals that are built together, and given back when they are. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { suggestion } from "../config/suggest.js";
import { Btf } from "./btf.js";
import { kinds } from "./btf-types.js";

/** Where the running kernel describes its types, and those of each module that is loaded. */
const folder = "/sys/kernel/btf";
const kernelTypes = "vmlinux";

const shared = new Map<string, WeakRef<Btf>>();

function readOnce(name: string, base?: Btf): Btf {
  const known = shared.get(name)?.deref();
  if (known !== undefined) {
    return known;
  }
  const btf = Btf.read(`${folder}/${name}`, base);
  shared.set(name, new WeakRef(btf));
  return btf;
}

/** The running kernel's types. */
export function runningKernel(): Btf {
  return readOnce(kernelTypes);
}

/** A tracepoint's name as it is written: `event`, or `module:event` where a module has it. */
export interface TracepointName {
  readonly module: string | undefined;
  readonly event: string;
}

/** Takes a name apart; a module is called as its file in /sys is, with `_` for `-`. */
export function tracepointName(name: string): TracepointName {
  const [, module, event = name] = /^([^:]+):(.*)$/s.exec(name) ?? [];
  return { module: module?.replaceAll("-", "_"), event };
}

/** The capability by which the kernel gives out types of modules to programs: BPF_BTF_GET_FD_BY_ID of kernel/bpf/syscall.c. */
const sysAdmin = 21n;

function isSysAdmin(): boolean {
  const [, bits = "0"] = /^CapEff:\s*([\da-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return ((BigInt(`0x${bits}`) >> sysAdmin) & 1n) === 1n;
}

/** The types of a module that is loaded; else what to do about it, as a sentence. */
export function moduleTypes(module: string, kernel: Btf): Btf | { readonly problem: string } {
  const types = typesOf(module, kernel);
  if (!("problem" in types) && !isSysAdmin()) {
    return {
      problem: `it is one of the module ${module}, whose types the kernel gives to no program without CAP_SYS_ADMIN: add that capability to CAP_BPF and CAP_PERFMON`,
    };
  }
  return types;
}

/** The same for those who only read them. */
export function typesOf(module: string, kernel: Btf): Btf | { readonly problem: string } {
  if (module === kernelTypes || !/^\w+$/.test(module) || !existsSync(`${folder}/${module}`)) {
    const modules = readdirSync(folder).filter((name) => name !== kernelTypes);
    const known = modules.length === 0 ? "" : suggestion(module, modules);
    return {
      problem: `there are no types of a module ${module} in ${folder}${known}: load it first (modprobe ${module}; Linux 5.11 or newer); a tracepoint of the kernel itself has no module in front`,
    };
  }
  return readOnce(module, kernel);
}

/** The module that has a tracepoint, by the name of its typedef; undefined where none has that is loaded. */
export function moduleOf(typedef: string, kernel: Btf): string | undefined {
  return readdirSync(folder)
    .filter((name) => name !== kernelTypes)
    .find((name) => {
      // Most modules do not have it in their strings at all.
      const bytes = readFileSync(`${folder}/${name}`);
      return bytes.includes(typedef) && readOnce(name, kernel).find(kinds.typedef, typedef) !== undefined;
    });
}
