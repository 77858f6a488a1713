/**
 * Writes to stdout the software bill of materials (CycloneDX 1.5, JSON) of what runs here: npm's packages, Node, and Debian's packages
 * whose libraries Node and the addon are linked to. The build of the image runs it to put the image's own into it.
 *
 *   npm run --silent sbom [-- [--node FILE] [--addon FILE] [--system FOLDER]]
 *
 * Node and addon are this machine's, and their libraries this machine's packages, unless others are named: of this Node's version, and
 * of a Debian system in a folder, of this machine's release (scripts/package/foreign-system).
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

/** The members of CycloneDX's `component` that are used here. */
interface Component {
  readonly type: "application" | "library" | "platform";
  readonly "bom-ref": string;
  name: string;
  readonly version: string;
  readonly purl: string;
}

/** What `npm sbom` writes. */
interface Bill {
  readonly metadata: { readonly component: Component };
  readonly components: Component[];
  readonly dependencies: { readonly ref: string; readonly dependsOn: string[] }[];
}

/** The members of package.json and of an entry of package-lock.json that are used here. */
interface Manifest {
  devDependencies?: unknown;
  readonly dev?: true;
  readonly devOptional?: true;
}

/** What a command says; it must succeed. */
function said(command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 2 ** 26 });
}

/**
 * The bill of npm's packages. It is asked for where no development packages are known, since with `--omit=dev` npm leaves out
 * what these need, too (https://github.com/npm/cli/issues/7909).
 */
function packages(): Bill {
  const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;
  const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as { packages: Record<string, Manifest> };
  const entries = Object.entries(lock.packages).filter(([, { dev, devOptional }]) => !(dev ?? devOptional ?? false));
  lock.packages = Object.fromEntries(entries);
  for (const part of [manifest, ...entries.map(([, entry]) => entry)]) {
    delete part.devDependencies;
  }
  const folder = mkdtempSync(join(tmpdir(), "ringtap-sbom-"));
  try {
    writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
    writeFileSync(join(folder, "package-lock.json"), JSON.stringify(lock));
    const format = ["--sbom-format=cyclonedx", "--sbom-type=application"];
    return JSON.parse(said("npm", "sbom", "--prefix", folder, "--package-lock-only", ...format)) as Bill;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function node(): Component {
  const version = process.versions.node;
  const purl = `pkg:generic/node@${version}`;
  return { type: "platform", "bom-ref": purl, name: "node", version, purl };
}

/** `debian` and `12`, say. */
function distribution(): { id: string; release: string } {
  const text = readFileSync("/etc/os-release", "utf8");
  const value = (key: string): string => new RegExp(`^${key}="?([^"\n]*)`, "m").exec(text)?.[1] ?? "";
  return { id: value("ID"), release: value("VERSION_ID") };
}

/** The packages of the libraries that programs are linked to; of this machine when `system` is empty. */
function linkedPackages(system: string, ...programs: readonly string[]): Component[] {
  const lines = said("scripts/package/linked-libraries", "--system", system, ...programs)
    .trimEnd()
    .split("\n");
  const packages = [...new Set(lines.map((line) => line.split(" ")[1] ?? ""))];
  const { id, release } = distribution();
  const database = `--admindir=${system}/var/lib/dpkg`;
  return packages.map((name) => {
    const format = "${Version} ${Architecture}\n";
    const [version = "", architecture = ""] = said(
      "dpkg-query",
      database,
      "--show",
      `--showformat=${format}`,
      name,
    ).split(/\s/);
    const qualifiers = `arch=${architecture}&distro=${id}-${release}`;
    const purl = `pkg:deb/${id}/${encodeURIComponent(name)}@${encodeURIComponent(version)}?${qualifiers}`;
    return { type: "library", "bom-ref": purl, name, version, purl };
  });
}

const { values } = parseArgs({
  options: {
    node: { type: "string", default: process.execPath },
    addon: { type: "string", default: "dist/native/ringtap.node" },
    system: { type: "string", default: "" },
  },
});
const bill = packages();
const { component } = bill.metadata;
// npm takes the folder's name.
component.name = "ringtap";
const added = [node(), ...linkedPackages(values.system, values.node, values.addon)];
bill.components.push(...added);
bill.dependencies.push(...added.map((one) => ({ ref: one["bom-ref"], dependsOn: [] })));
bill.dependencies
  .find(({ ref }) => ref === component["bom-ref"])
  ?.dependsOn.push(...added.map((one) => one["bom-ref"]));
console.log(JSON.stringify(bill, undefined, 2));
