/** The bill of materials: by CycloneDX's own schema, and complete. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { Spec, Validation } from "@cyclonedx/cyclonedx-library";

interface Bill {
  readonly components: readonly { readonly name: string; readonly version: string; readonly purl: string }[];
}

interface LockedPackage {
  readonly version: string;
  readonly dev?: true;
  readonly devOptional?: true;
}

const checkout = fileURLToPath(new URL("../../../", import.meta.url));

describe("bill of materials", () => {
  let text = "";
  let found: ReadonlyMap<string, string>;

  before(() => {
    text = execFileSync("npm", ["run", "--silent", "sbom"], { cwd: checkout, encoding: "utf8", maxBuffer: 2 ** 26 });
    found = new Map((JSON.parse(text) as Bill).components.map(({ name, version }) => [name, version]));
  });

  it("is valid by the schema, which refuses unknown keys", async () => {
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot5);
    assert.equal(await validator.validate(text), null);
    assert.notEqual(await validator.validate(text.replace('"purl"', '"pearl"')), null);
  });

  it("has each npm package that is installed with ringtap, and no other", () => {
    const lock = JSON.parse(readFileSync(`${checkout}/package-lock.json`, "utf8")) as {
      packages: Record<string, LockedPackage>;
    };
    const locked = Object.entries(lock.packages)
      .filter(([path, { dev, devOptional }]) => path !== "" && dev === undefined && devOptional === undefined)
      .map(([path, { version }]) => [path.replace(/^.*node_modules\//, ""), version]);
    const listed = (JSON.parse(text) as Bill).components
      .filter(({ purl }) => purl.startsWith("pkg:npm/"))
      .map(({ name, version }) => [name, version]);
    assert.deepEqual(listed.toSorted(), locked.toSorted());
  });

  it("has Node and Debian's packages of the libraries, as dpkg knows them", () => {
    assert.equal(found.get("node"), process.versions.node);
    for (const name of ["libbpf1", "libelf1", "zlib1g", "libc6", "libstdc++6"]) {
      const version = execFileSync("dpkg-query", ["--show", "--showformat=${Version}", name], { encoding: "utf8" });
      assert.equal(found.get(name), version, name);
    }
  });
});
