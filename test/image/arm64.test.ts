/** The list of images for both architectures: what is in the other one, and that its agent counts events in a guest. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, readSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { suiteScope } from "../kernel/support/scope.js";
import { buildah, fetchedBytes, image, largest, podman, unpackImage } from "./image.js";

const checkout = fileURLToPath(new URL("../../../", import.meta.url));

/** Where the guest finds the image's files, and leaves what it says. */
const out = join(checkout, "dist/image-arm64");

/** `e_machine` of the ELF header (elf.h). */
const machines = new Map([
  [62, "x86-64"],
  [183, "arm64"],
  [247, "bpf"],
]);

/** What machine a file is for; undefined when it is no ELF file. */
function machineOf(path: string): string | undefined {
  const header = Buffer.alloc(20);
  const file = openSync(path, "r");
  const length = readSync(file, header);
  closeSync(file);
  if (length < header.length || header.readUInt32BE(0) !== 0x7f454c46) {
    return undefined;
  }
  const machine = header.readUInt16LE(18);
  return machines.get(machine) ?? machine.toString();
}

/** The ELF files below a folder, by path, with their machines. */
function programs(root: string): ReadonlyMap<string, string> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const found = files.map((entry) => {
    const path = join(entry.parentPath, entry.name);
    return [relative(root, path), machineOf(path)] as const;
  });
  return new Map(found.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

interface ImageList {
  readonly manifests: readonly { readonly digest: string; readonly platform: { readonly architecture: string } }[];
}

/** The images of the list, by architecture, as podman finds them. */
function listed(): ReadonlyMap<string, string> {
  const { manifests } = JSON.parse(buildah("manifest", "inspect", image)) as ImageList;
  return new Map(manifests.map(({ digest, platform }) => [platform.architecture, `${image}@${digest}`]));
}

describe("list of images", () => {
  const scope = suiteScope();
  const root = join(out, "root");
  const images = listed();
  const { amd64 = "", arm64 = "" } = Object.fromEntries(images);

  before(async () => {
    const { rootfs } = await unpackImage(scope, arm64);
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out, { recursive: true });
    execFileSync("cp", ["--archive", rootfs, root]);
  });

  it("has one for each architecture", async () => {
    assert.deepEqual([...images.keys()].toSorted(), ["amd64", "arm64"]);
    for (const [architecture, name] of images) {
      const described = await podman(
        "image",
        "inspect",
        "--format={{.Os}} {{.Architecture}} {{.Config.Entrypoint}}",
        name,
      );
      assert.equal(described.trim(), `linux ${architecture} [ringtap]`);
    }
  });

  it("has the same files in both, but for where libraries lie", async () => {
    const { rootfs } = await unpackImage(scope, amd64);
    const files = (folder: string): readonly string[] =>
      readdirSync(folder, { recursive: true, encoding: "utf8" })
        .map((path) =>
          path.replaceAll(/x64|arm64/g, "ARCH").replaceAll(/x86_64-linux-gnu|aarch64-linux-gnu/g, "TRIPLET"),
        )
        .filter((path) => !/^(proc|sys|dev|run|etc)\b|^lib64$|ld-linux/.test(path))
        .toSorted();
    assert.deepEqual(files(root), files(rootfs));
  });

  it("has programs for arm64 and for BPF only", () => {
    const found = programs(root);
    const folder = "usr/local/lib/ringtap/dist/prebuilt/arm64";
    const natives = ["usr/local/bin/node", `${folder}/ringtap.node`, `${folder}/libbpf.so.1`];
    for (const path of [...natives, "lib/ld-linux-aarch64.so.1", "lib/aarch64-linux-gnu/libc.so.6"]) {
      assert.equal(found.get(path), "arm64", path);
    }
    for (const [path, machine] of found) {
      assert.equal(machine, path.endsWith(".bpf.o") ? "bpf" : "arm64", path);
    }
  });

  it("is small to fetch", (test) => {
    const size = fetchedBytes(scope, arm64);
    test.diagnostic(`${(size / 1e6).toFixed(1)} MB compressed`);
    assert(size < largest, `${size} bytes`);
  });

  it("counts events in a guest", (test) => {
    const command = ["node", "--test", "--test-reporter=spec", "dist/test/image/guest/agent.test.js"];
    const environment = { ...process.env, OUT: out };
    const options = { cwd: checkout, env: environment, encoding: "utf8" } as const;
    const { status, stdout } = spawnSync(
      join(checkout, "scripts/vm/vmtest"),
      ["run", "6.12-arm64", ...command],
      options,
    );
    assert.equal(status, 0, stdout);
    test.diagnostic(stdout);
  });
});
