/** This kernel as a machine with nothing installed but Node and npm would see it. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Scope } from "./scope.js";

/** A root file system with Node and what Node needs, npm, a shell and this machine's configuration; no more. */
export interface BareMachine {
  /** What a command line begins with to run inside, in {@link inside}. Replaces itself by the command. */
  readonly prefix: readonly string[];
  /** The one folder in which to write, as it is called inside. Empty at first. */
  readonly inside: string;
  /** The same folder as it is called outside. */
  readonly outside: string;
}

/** Mounts what $2 lists, one path a line, below $1, and the folder $3 as $4; becomes the rest, in $4, with $1 as root. */
const enter = `
  root=$1 paths=$2 outside=$3 inside=$4
  shift 4
  mount -t tmpfs bare "$root"
  for path in $paths; do
    if [ -d "$path" ]; then
      mkdir -p "$root$path"
    else
      mkdir -p "$root\${path%/*}"
      : > "$root$path"
    fi
    mount --rbind "$path" "$root$path"
  done
  mkdir -p "$root$inside" "$root/tmp"
  mount --bind "$outside" "$root$inside"
  exec chroot "$root" /usr/bin/env --chdir="$inside" "$@"`;

/** The libraries that a program is linked to, and the loader. */
function librariesOf(program: string): string[] {
  const lines = execFileSync("ldd", [program], { encoding: "utf8" });
  return Array.from(lines.matchAll(/(?:=> |^\t)(\/\S+) \(/gm), ([, path = ""]) => path);
}

function npmFolder(): string {
  const npm = execFileSync("sh", ["-c", "command -v npm"], { encoding: "utf8" }).trim();
  return join(realpathSync(npm), "../..");
}

/** Makes a bare machine that goes with the scope. */
export function bareMachine(scope: Scope): BareMachine {
  const folder = mkdtempSync(join(tmpdir(), "ringtap-bare-"));
  scope.after(() => {
    rmSync(folder, { recursive: true });
  });
  const [root, outside, inside] = [join(folder, "root"), join(folder, "work"), "/work"];
  mkdirSync(root);
  mkdirSync(outside);
  const programs = [process.execPath, "/bin/sh", "/usr/bin/env"];
  // npm's own settings, such as the registry and its certificates, are beside Node.
  const settings = ["/etc", join(process.execPath, "../../etc/npmrc")].filter((path) => existsSync(path));
  const paths = new Set([
    ...programs,
    ...programs.flatMap(librariesOf),
    npmFolder(),
    ...settings,
    "/proc",
    "/sys",
    "/dev",
  ]);
  return {
    prefix: ["unshare", "--mount", "sh", "-euc", enter, "sh", root, [...paths].join("\n"), outside, inside],
    inside,
    outside,
  };
}
