/**
 * Where the addon lies that was compiled for this machine. A checkout has that of its own build in `dist/native/`; the npm package
 * has a folder for each architecture instead (`scripts/package/prebuilt`). BPF objects lie beside the module of their signal.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the package, or of the checkout: it has `bpf/include`. */
export const packageFolder = fileURLToPath(new URL("../../../", import.meta.url));

const dist = join(packageFolder, "dist");
const prebuilt = join(dist, "prebuilt");
const built = join(dist, "native/ringtap.node");
const isCheckout = isThere(built);

/** Unlike existsSync this asks with the capabilities of this process (access(2) of another user than root leaves them out). */
function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function addonOf(architecture: string): string {
  return join(prebuilt, architecture, "ringtap.node");
}

/** Architectures, by Node's names, whose addon came with the package. */
function prebuiltArchitectures(): string[] {
  return readdirSync(prebuilt).filter((folder) => isThere(addonOf(folder)));
}

/** The path of the native addon. Throws where there is none for this architecture. */
export function findAddon(): string {
  if (isCheckout) {
    return built;
  }
  if (!isThere(prebuilt)) {
    throw new Error(
      `no files of ringtap beside ${fileURLToPath(import.meta.url)}: a bundler has moved the code away from them; leave ringtap out of ` +
        "the bundle (external: ringtap) and install it beside, or, in a checkout, run scripts/setup",
    );
  }
  const addon = addonOf(process.arch);
  if (!isThere(addon)) {
    const there = prebuiltArchitectures().join(", ") || "no architecture";
    throw new Error(
      `no native addon for ${process.arch}: this installation has it for ${there}; ` +
        "on other machines, build ringtap from its sources (scripts/setup)",
    );
  }
  return addon;
}
