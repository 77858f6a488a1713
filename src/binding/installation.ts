/**
 * Where the parts lie that were compiled for this machine. A checkout has those of its own build in `dist/native/` and `dist/bpf/`;
 * the npm package has neither, but a folder for each architecture (`scripts/package/prebuilt`).
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const dist = fileURLToPath(new URL("../../", import.meta.url));
const prebuilt = join(dist, "prebuilt");
const built = join(dist, "native/ringtap.node");
const isCheckout = isThere(built);

/** Where the compiled BPF objects are. */
export const objectFolder = isCheckout ? join(dist, "bpf") : join(prebuilt, process.arch);

/** Unlike existsSync this asks with the capabilities of this process (access(2) of another user than root leaves them out). */
function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function addonOf(architecture: string): string {
  return join(prebuilt, architecture, "ringtap.node");
}

/** Architectures, by Node's names, whose addon came with the package. */
function prebuiltArchitectures(): string[] {
  const folders = isThere(prebuilt) ? readdirSync(prebuilt) : [];
  return folders.filter((folder) => isThere(addonOf(folder)));
}

/** The path of the native addon. Throws where there is none for this architecture. */
export function findAddon(): string {
  if (isCheckout) {
    return built;
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
