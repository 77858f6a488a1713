/**
 * Fuzzes the parser of a protocol of bpf/l7/, compiled for this machine with libFuzzer and AddressSanitizer: test/fuzz/l7/parser.c says
 * what has to hold.
 *
 *   npm run test:l7-fuzz [-- --protocol http] [--minutes N]
 *
 * Begins with the conversations of the tests, and with what earlier runs found in dist/fuzz/l7/. Installs libFuzzer (Debian's
 * libclang-rt-dev of the compiler's version) where it is missing. Exit status 1 at the first finding, which lies there then.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { buildParser, inputOf, protocols } from "./l7/parser.js";

function fuzz(protocol: string, minutes: number): void {
  const conversations = protocols[protocol];
  if (!conversations) {
    throw new RangeError(`--protocol ${protocol} is none of ${Object.keys(protocols).join(", ")}`);
  }
  const folder = `dist/fuzz/l7/${protocol}`;
  const seeds = join(folder, "seeds");
  mkdirSync(seeds, { recursive: true });
  mkdirSync(join(folder, "corpus"), { recursive: true });
  for (const conversation of conversations) {
    writeFileSync(join(seeds, conversation.name), inputOf(conversation));
  }
  const clang = execFileSync("scripts/build/find-clang", ["clang"], { encoding: "utf8" }).trim();
  const program = join(folder, "parser");
  const build = (): void => buildParser(protocol, program, clang, ["-fsanitize=fuzzer,address"]);
  try {
    build();
  } catch {
    const [, version = ""] = /version (\d+)/.exec(execFileSync(clang, ["--version"], { encoding: "utf8" })) ?? [];
    execFileSync("apt-get", ["-q", "-y", "install", "--no-install-recommends", `libclang-rt-${version}-dev`], {
      stdio: "inherit",
    });
    build();
  }
  const { status } = spawnSync(
    program,
    [
      join(folder, "corpus"),
      seeds,
      `-dict=test/fuzz/l7/${protocol}.dict`,
      `-artifact_prefix=${folder}/`,
      `-max_total_time=${Math.round(60 * minutes)}`,
      "-max_len=4096",
      "-timeout=10",
      "-print_final_stats=1",
    ],
    { stdio: "inherit" },
  );
  process.exitCode = status === 0 ? 0 : 1;
}

const { values } = parseArgs({
  options: { protocol: { type: "string", default: "http" }, minutes: { type: "string", default: "10" } },
});
fuzz(values.protocol, Number(values.minutes));
