/**
 * Puts the modules of the command `ringtap`, and the packages that they import, together into few files, dist/src/bundle/: Node takes a
 * third of a millisecond to find and load each of some 450 modules. src/cli/main.ts imports them; a program that uses ringtap as a
 * library, and the tests, import the modules themselves. `ringtap/signal` and `ringtap/bpf` are in the bundle, too, for users' own signals:
 * what they import are the very modules that the agent runs.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import { build, type Plugin } from "esbuild";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const sources = join(root, "src");
const folder = join(root, "dist/src/bundle");

/** Where it is made: what runs meanwhile has the one before. As deep as that: paths in it are relative. */
const workshop = `${folder}.new`;

/** Modules that are imported from outside of the bundle, by their names in it. */
const entries = {
  program: "src/cli/program.ts",
  errors: "src/cli/errors.ts",
  signal: "src/sdk/index.ts",
  bpf: "src/bpf/index.ts",
};

/** Packages that are loaded when they are needed, by createRequire(): each is a file of its own. */
const late = ["pino", "yaml"];

/** Parts of prom-client that ringtap has no use for: of themselves they load much of Node, and a package of many modules. */
const unused = /\/node_modules\/(prom-client\/lib\/(cluster|pushgateway)\.js|@opentelemetry\/api\/.*)$/;

/** Where a user's own signals find `ringtap/signal` and `ringtap/bpf` (src/engine/interfaces.ts): beside the file of the bundle. */
const interfaces = `
  export const interfaces = [
    ["ringtap/signal", new URL("./signal.js", bundleUrl).href],
    ["ringtap/bpf", new URL("./bpf.js", bundleUrl).href],
  ];`;

/** Leaves a module its own URL, by which it finds files, such as BPF objects, the addon and the page; and leads it to packages that are loaded late. */
const modulesOfOurs: Plugin = {
  name: "modules of ours",
  setup(building) {
    building.onLoad({ filter: unused }, () => ({ contents: "" }));
    building.onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => {
      const name = relative(sources, path);
      if (name === "engine/interfaces.ts") {
        return { contents: interfaces };
      }
      const text = (await readFile(path, "utf8")).replace(
        /createRequire\(import\.meta\.url\)\("([\w-]+)"\)/g,
        (_, required: string) => {
          if (!late.includes(required)) {
            throw new Error(`${path} requires ${required}: name it among the packages that are loaded late`);
          }
          return `require("./${required}.cjs")`;
        },
      );
      const url = `const moduleUrl = new URL("../${name.replace(/\.ts$/, ".js")}", bundleUrl).href;`;
      return { contents: text.includes("import.meta.url") ? `${url} ${text}` : text, loader: "ts" };
    });
  },
};

/** The terms of the packages that files come from: their licences want to go along. */
function termsOf(files: readonly string[]): string {
  const names = files.map((file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? "");
  return [...new Set(names)]
    .filter((name) => name !== "")
    .sort()
    .map((name) => {
      const home = join(root, "node_modules", name);
      const { version, license } = JSON.parse(readFileSync(join(home, "package.json"), "utf8")) as Record<
        string,
        string
      >;
      const terms = ["LICENSE", "LICENSE.md", "LICENSE.txt", "license"]
        .map((file) => join(home, file))
        .find(existsSync);
      if (version === undefined || license === undefined) {
        throw new Error(`${home}: neither version nor licence is known`);
      }
      return `${name} ${version}: ${license}\n\n${terms === undefined ? "" : readFileSync(terms, "utf8").trim()}\n`;
    })
    .join(`\n${"-".repeat(100)}\n\n`);
}

/** The same for all files. */
const common = {
  absWorkingDir: root,
  outdir: workshop,
  bundle: true,
  platform: "node",
  target: "node20.12",
  metafile: true,
  minifyWhitespace: true,
  logLevel: "warning",
} as const;

rmSync(workshop, { recursive: true, force: true });
const modules = await build({
  ...common,
  entryPoints: entries,
  splitting: true,
  format: "esm",
  alias: { "ringtap/signal": "./src/sdk/index.ts", "ringtap/bpf": "./src/bpf/index.ts" },
  external: ["typescript", ...late.map((name) => `./${name}.cjs`)],
  define: { "import.meta.url": "moduleUrl" },
  banner: {
    js: 'import { createRequire as requireFrom } from "node:module"; const bundleUrl = import.meta.url; const require = requireFrom(bundleUrl);',
  },
  sourcemap: true,
  plugins: [modulesOfOurs],
});
const packages = await build({ ...common, entryPoints: late, format: "cjs", outExtension: { ".js": ".cjs" } });
const inputs = [modules, packages].flatMap(({ metafile }) => Object.keys(metafile.inputs));
writeFileSync(join(workshop, "LICENSES.txt"), termsOf(inputs));
rmSync(folder, { recursive: true, force: true });
renameSync(workshop, folder);
