/** Checking the types of a signal's module and compiling it. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { packageFolder } from "../../binding/installation.js";
import { printError } from "../print.js";

const fromHere = createRequire(import.meta.url);

/** Packages that have the compiler: TypeScript 7, which is native code and an optional dependency (images do without); or what is installed beside. */
const compilers = ["typescript-native", "typescript"];

/** The most that the compiler may say, bytes. */
const mostOutput = 2 ** 28;

/** The compiler, a script for Node. */
function findCompiler(): string {
  for (const name of compilers) {
    try {
      return join(dirname(fromHere.resolve(`${name}/package.json`)), "bin/tsc");
    } catch {
      // The next one may be there.
    }
  }
  throw new Error(
    "building modules: the npm package typescript is missing: install ringtap without --omit=optional, or typescript beside it",
  );
}

/** The folder that has Node's types, beside the compiler. */
function typeRoots(): string[] {
  try {
    return [dirname(dirname(fromHere.resolve("@types/node/package.json")))];
  } catch {
    return [];
  }
}

/** What a signal is compiled with, whatever its tsconfig.json says. */
export function moduleOptions(): Record<string, unknown> {
  const roots = typeRoots();
  return {
    target: "es2022",
    lib: ["es2023"],
    module: "nodenext",
    moduleResolution: "nodenext",
    types: roots.length === 0 ? [] : ["node"],
    typeRoots: roots,
    paths: {
      "ringtap/signal": [join(packageFolder, "dist/src/sdk/index.d.ts")],
      "ringtap/bpf": [join(packageFolder, "dist/src/bpf/index.d.ts")],
    },
    verbatimModuleSyntax: true,
    skipLibCheck: true,
  };
}

/** The configuration that compiles a module into `target`: a folder's own tsconfig.json, and ours above it. */
function configuration(folder: string, entry: string, target: string): object {
  const own = join(folder, "tsconfig.json");
  const declarations = readdirSync(folder).filter((file) => file.endsWith(".d.ts"));
  const emission = { rootDir: folder, outDir: target, declaration: true, noEmit: false, noEmitOnError: true };
  // Without what would write other files than modules and their types, or none; modules may be imported as they are called in the folder.
  const modules = {
    composite: false,
    incremental: false,
    emitDeclarationOnly: false,
    outFile: null,
    declarationDir: null,
    noLib: false,
    rewriteRelativeImportExtensions: true,
  };
  return {
    ...(existsSync(own) ? { extends: own } : {}),
    compilerOptions: { ...moduleOptions(), ...emission, ...modules },
    files: [entry, ...declarations.map((file) => join(folder, file))],
    include: [],
  };
}

/**
 * Compiles a module and what it imports of its folder into `target`. The compiler's messages go to stderr. Throws, in one line, when
 * there is any.
 */
export function compileModule(folder: string, entry: string, target: string): void {
  if (!existsSync(entry)) {
    throw new Error(`building ${folder}: there is no signal.ts`);
  }
  const compiler = findCompiler();
  const config = join(target, "tsconfig.json");
  writeFileSync(config, JSON.stringify(configuration(folder, entry, target)));
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    [compiler, "--project", config, "--pretty", "false"],
    { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], maxBuffer: mostOutput },
  );
  rmSync(config);
  if (error !== undefined) {
    throw new Error(`running ${compiler}: ${error.message}`);
  }
  printError(stdout);
  if (status !== 0) {
    const errors = stdout.match(/^(?!\s)(.*: )?error TS\d+: /gm)?.length ?? 0;
    // Without any, it has not come to compile, such as where its program for this machine is not installed.
    const [, reason = "it has failed"] = /^Error: (.*)$/m.exec(stderr) ?? [];
    throw new Error(
      errors === 0
        ? `running ${compiler}: ${reason}`
        : `building ${entry}: TypeScript has found ${errors} error${errors === 1 ? "" : "s"}`,
    );
  }
}
