/** Copies of this build that a test may spoil. */
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Scope } from "./scope.js";

const checkout = fileURLToPath(new URL("../../../../", import.meta.url));

/** A copy of what an installed ringtap consists of. */
export interface BuildCopy {
  /** Its entry point. */
  readonly main: string;
  /** A path of this build, in the copy. */
  path(name: string): string;
  /** The path of a signal's object. */
  object(signal: string): string;
}

/** Copies this build; the copy goes with the scope. */
export function copyBuild(scope: Scope): BuildCopy {
  const folder = mkdtempSync(join(tmpdir(), "ringtap-copy-"));
  scope.after(() => {
    rmSync(folder, { recursive: true });
  });
  for (const part of ["dist/src", "dist/native", "dist/web", "package.json"]) {
    cpSync(join(checkout, part), join(folder, part), { recursive: true, dereference: true });
  }
  symlinkSync(join(checkout, "node_modules"), join(folder, "node_modules"));
  return {
    main: join(folder, "dist/src/cli/main.js"),
    path: (name) => join(folder, name),
    object: (signal) => join(folder, `dist/src/signals/${signal}/${process.arch}/${signal}.bpf.o`),
  };
}
