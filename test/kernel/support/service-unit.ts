/** The systemd unit, and its restrictions where no systemd runs to apply them. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { syscallNumber } from "../../../src/sdk/syscall-names.js";
import { compileProgram } from "./program.js";
import { onlyCapabilities } from "./ringtap.js";

const checkout = fileURLToPath(new URL("../../../../", import.meta.url));

/** The unit's file. */
export const unitFile = `${checkout}deploy/systemd/ringtap.service`;

/** Where {@link confinement} shows this checkout, since its own place may be hidden. */
const shown = "/mnt/checkout";

/** This build's entry point inside of {@link confinement}. */
export const confinedMain = `${shown}/dist/src/cli/main.js`;

/** The words of a setting of the unit, of all its lines together. */
function setting(name: string): string[] {
  const lines = readFileSync(unitFile, "utf8").matchAll(new RegExp(`^${name}=(.*)$`, "gm"));
  return Array.from(lines).flatMap(([, value = ""]) => value.split(" "));
}

/** Does the unit turn a switch on, or set it to this value? */
function has(name: string, value = "yes"): boolean {
  return setting(name).includes(value);
}

/** The system calls that a list of names and groups stands for. */
function expand(names: readonly string[]): Set<string> {
  const calls = new Set<string>();
  for (const name of names) {
    if (name.startsWith("@")) {
      const listed = execFileSync("systemd-analyze", ["syscall-filter", name], { encoding: "utf8" });
      // One a line and indented, below the group's name; comments begin with #.
      const members = Array.from(listed.matchAll(/^ +([@\w-]+)$/gm), ([, member = ""]) => member);
      for (const call of expand(members)) {
        calls.add(call);
      }
    } else {
      calls.add(name);
    }
  }
  return calls;
}

/** Numbers of the system calls that the unit allows, but for some: a line that begins with `~` takes away. */
function allowedCalls(without: readonly string[]): number[] {
  const text = readFileSync(unitFile, "utf8");
  const allowed = new Set<string>();
  for (const [, tilde = "", names = ""] of text.matchAll(/^SystemCallFilter=(~?)(.*)$/gm)) {
    for (const call of expand(names.split(" "))) {
      if (tilde === "") {
        allowed.add(call);
      } else {
        allowed.delete(call);
      }
    }
  }
  return [...allowed].filter((name) => !without.includes(name)).flatMap((name) => syscallNumber(name) ?? []);
}

/** Numbers of address families (include/linux/socket.h). */
const families: Readonly<Record<string, number>> = { AF_UNIX: 1, AF_INET: 2, AF_INET6: 10 };

function allowedFamilies(): number[] {
  return setting("RestrictAddressFamilies").map((name) => {
    const number = families[name];
    if (number === undefined) {
      throw new Error(`the number of ${name} is not known here`);
    }
    return number;
  });
}

/**
 * Shows $1 as the checkout and $2 as /mnt/only-calls, covers $3 with empty folders and $4 with new writable ones, makes all but
 * these, /proc, /dev and /mnt read-only, and /proc/sys, too; becomes the rest.
 */
const arrange = `
  mount --make-rprivate /
  mount -t tmpfs shown /mnt
  mkdir ${shown}
  mount --bind "$1" ${shown}
  cp "$2" /mnt/only-calls
  mount --bind /proc/sys /proc/sys
  for folder in $3; do [ ! -d $folder ] || mount -t tmpfs -o mode=0 hidden $folder; done
  while read -r _ folder _; do
    case $folder in
      /proc/sys) ;;
      /proc | /proc/* | /dev | /dev/*) continue ;;
    esac
    mount -o remount,bind,ro "$folder" 2>/dev/null || :
  done < /proc/self/mounts
  for folder in $4; do mount -t tmpfs -o mode=1777 private $folder; done
  shift 4
  exec "$@"`;

/**
 * What a command line begins with to run under the unit's restrictions: user, capabilities, no_new_privs, file systems, system
 * calls, but for those in `without`, and address families. Throws when the unit no longer asks for one of them.
 */
export function confinement(without: readonly string[] = []): string[] {
  for (const [name, value] of [
    ["NoNewPrivileges", "yes"],
    ["ProtectSystem", "strict"],
    ["ProtectHome", "yes"],
    ["PrivateTmp", "yes"],
    ["ProtectKernelTunables", "yes"],
    ["ProtectControlGroups", "yes"],
    ["DynamicUser", "yes"],
    ["SystemCallErrorNumber", "EPERM"],
  ] as const) {
    if (!has(name, value)) {
      throw new Error(`the unit has no ${name}=${value}`);
    }
  }
  const source = readFileSync(`${checkout}test/kernel/programs/only-calls.c`, "utf8");
  const onlyCalls = compileProgram("only-calls", source);
  const capabilities = setting("AmbientCapabilities").map((name) => name.replace(/^CAP_/, "").toLowerCase());
  return [
    ...["unshare", "--mount", "sh", "-euc", arrange, "sh", checkout, onlyCalls],
    ...["/home /root /run/user", "/tmp /var/tmp"],
    ...["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", ...onlyCapabilities(...capabilities)],
    ...["/mnt/only-calls", allowedCalls(without).join(","), allowedFamilies().join(",")],
  ];
}
