/** The npm package, installed where there is no compiler, no libbpf and no checkout. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { signalApi } from "../../../src/sdk/signal.js";
import { signals } from "../../../src/signals/index.js";
import { prose, readDocument } from "../../docs/documents.js";
import { startAgent } from "../support/agent.js";
import { bareMachine, type BareMachine } from "../support/bare-machine.js";
import { assertCounts } from "../support/counting.js";
import { runRingtap, type RunOptions } from "../support/ringtap.js";
import { suiteScope } from "../support/scope.js";

const checkout = fileURLToPath(new URL("../../../../", import.meta.url));

/** The files of a folder of the checkout, by their paths in it. */
function filesBelow(folder: string): string[] {
  return readdirSync(join(checkout, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(checkout, join(entry.parentPath, entry.name)));
}

/** What a command inside says; its standard error is this test's. */
function run({ prefix }: BareMachine, ...command: readonly string[]): string {
  const [file = "", ...args] = [...prefix, ...command];
  return execFileSync(file, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

describe("npm package", () => {
  const scope = suiteScope();
  let machine: BareMachine;
  let contents: readonly string[];
  let installed: RunOptions & { main: string };

  before(() => {
    machine = bareMachine(scope);
    const args = ["pack", "--pack-destination", machine.outside, "--silent"];
    const archive = execFileSync("npm", args, { cwd: checkout, encoding: "utf8" }).trim().split("\n").at(-1) ?? "";
    const listed = execFileSync("tar", ["--list", "--file", join(machine.outside, archive)], { encoding: "utf8" });
    contents = listed.trim().split("\n");
    const npm = realpathSync(execFileSync("sh", ["-c", "command -v npm"], { encoding: "utf8" }).trim());
    run(machine, process.execPath, npm, "install", "--prefer-offline", "--no-audit", "--no-fund", `./${archive}`);
    installed = { prefix: machine.prefix, main: "node_modules/ringtap/dist/src/cli/main.js" };
  });

  it("has the BPF objects of both architectures, this one's addon, the headers, and no sources, tests or maps", () => {
    const objects = [
      "engine/dispatch",
      ...signals.flatMap(({ name, object }) => (object instanceof URL ? [`signals/${name}`] : [])),
    ].flatMap((folder) =>
      ["x64", "arm64"].map((architecture) => `src/${folder}/${architecture}/${basename(folder)}.bpf.o`),
    );
    for (const built of [...objects, `prebuilt/${process.arch}/ringtap.node`, "src/bundle/LICENSES.txt"]) {
      assert(contents.includes(`package/dist/${built}`), built);
    }
    const headers = filesBelow("bpf/include");
    assert(headers.length > 0);
    assert.deepEqual(
      contents.filter((path) => path.startsWith("package/bpf/include/")).sort(),
      headers.map((header) => `package/${header}`).sort(),
    );
    const expected = [
      /^package\/(package\.json|README\.md|CONTRIBUTING\.md|(bpf\/)?LICENSE)$/,
      /^package\/bpf\/include\/.*\.h$/,
      /^package\/dist\/(src\/.*\.(js|d\.ts)|prebuilt\/.*|web\/[\w-]+\.(html|css|js|svg))$/,
      /^package\/dist\/src\/bundle\/(\w+\.cjs|LICENSES\.txt)$/,
      /^package\/dist\/src\/(?:signals|engine)\/(\w+)\/(x64|arm64)\/\1\.bpf\.o$/,
      /^package\/docs\/(ringtap\.1|trace\.schema\.json|[\w-]+\.(md|png)|examples\/.*)$/,
      /^package\/deploy\/systemd\/ringtap\.service$/,
    ];
    assert.deepEqual(
      contents.filter((path) => !expected.some((pattern) => pattern.test(path))),
      [],
    );
  });

  it("has whatever its documents lead to", () => {
    const isThere = (path: string): boolean =>
      contents.some((each) => each === `package/${path}` || each.startsWith(`package/${path}/`));
    const pages = contents.map((path) => path.slice("package/".length)).filter((path) => path.endsWith(".md"));
    assert.ok(pages.includes("README.md") && pages.includes("docs/tour.md"));
    for (const page of pages) {
      const targets = Array.from(
        prose(readDocument(page)).matchAll(/\[[^\]]*\]\(([^)\s#]+)/g),
        ([, target = ""]) => target,
      );
      const missing = targets.filter((target) => !/^[a-z]+:/.test(target) && !isThere(join(dirname(page), target)));
      assert.deepEqual(missing, [], page);
    }
  });

  it("has the interface of signals", () => {
    const program = 'import("ringtap/signal").then((signal) => console.log(signal.signalApi))';
    assert.equal(run(machine, process.execPath, "--eval", program), `${signalApi}\n`);
  });

  it("has the command ringtap", () => {
    const { version } = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8")) as { version: string };
    assert.equal(run(machine, "node_modules/.bin/ringtap", "--version"), `${version}\n`);
  });

  it("finds in check that all works", async (t) => {
    const { status, stdout, stderr } = await runRingtap(t, ["check"], installed);
    assert.equal(stderr, "");
    assert.equal(status, 0, stdout);
  });

  it("counts events, with its own libbpf", async (t) => {
    const agent = await startAgent(t, [], installed);
    await assertCounts(agent);
    const mapped = readFileSync(`/proc/${agent.pid}/maps`, "utf8");
    for (const library of ["ringtap.node", "libbpf.so.1", "libelf.so.1", "libz.so.1"]) {
      assert.match(mapped, new RegExp(`ringtap/dist/prebuilt/${process.arch}/${library}$`, "m"));
    }
  });
});
