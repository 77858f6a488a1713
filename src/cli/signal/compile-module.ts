/** Checking the types of a signal's module and compiling it. */
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type typescript from "typescript";
import type { CompilerOptions, Diagnostic } from "typescript";
import { packageFolder } from "../../binding/installation.js";
import { printError } from "../print.js";

const fromHere = createRequire(import.meta.url);

type TypeScript = typeof typescript;

/** The compiler, an optional dependency: images do without. */
async function loadTypeScript(): Promise<TypeScript> {
  try {
    return (await import("typescript")).default;
  } catch {
    throw new Error(
      "building modules: the npm package typescript is missing: install ringtap without --omit=optional, or typescript beside it",
    );
  }
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

/** The options of a folder's tsconfig.json, and ours above them. */
function optionsFor(
  ts: TypeScript,
  folder: string,
  target: string,
): { options: CompilerOptions; errors: Diagnostic[] } {
  const path = join(folder, "tsconfig.json");
  const read = existsSync(path)
    ? ts.readConfigFile(path, (file) => ts.sys.readFile(file))
    : { config: {}, error: undefined };
  const config = (read.config ?? {}) as { compilerOptions?: object };
  const emission = { rootDir: folder, outDir: target, declaration: true, noEmit: false, noEmitOnError: true };
  const compilerOptions = { strict: true, ...config.compilerOptions, ...moduleOptions(), ...emission };
  const { options, errors } = ts.convertCompilerOptionsFromJson(compilerOptions, folder, path);
  return { options, errors: [...(read.error === undefined ? [] : [read.error]), ...errors] };
}

/**
 * Compiles a module and what it imports of its folder into `target`. The compiler's messages go to stderr. Throws, in one line, when
 * there is any.
 */
export async function compileModule(folder: string, entry: string, target: string): Promise<void> {
  if (!existsSync(entry)) {
    throw new Error(`building ${folder}: there is no signal.ts`);
  }
  const ts = await loadTypeScript();
  const { options, errors } = optionsFor(ts, folder, target);
  const host = ts.createCompilerHost(options);
  const declarations = readdirSync(folder).filter((file) => file.endsWith(".d.ts"));
  const program = ts.createProgram([entry, ...declarations.map((file) => join(folder, file))], options, host);
  const found = [...errors, ...ts.getPreEmitDiagnostics(program)];
  if (found.length === 0) {
    found.push(...program.emit().diagnostics);
  }
  if (found.length > 0) {
    printError(
      ts.formatDiagnostics(found, {
        getCanonicalFileName: (name) => name,
        getCurrentDirectory: () => process.cwd(),
        getNewLine: () => "\n",
      }),
    );
    throw new Error(`building ${entry}: TypeScript has found ${found.length} error${found.length === 1 ? "" : "s"}`);
  }
}
