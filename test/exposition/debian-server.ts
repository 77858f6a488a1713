/** Servers of Debian's packages, from this system or from one in a folder. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { TestContext } from "node:test";

/** The system that servers are taken from: this one, or one in a folder. */
const root = process.env.PROMETHEUS_ROOT ?? "/";

/** Starts `program` with a folder of its own, which `args` gets as the server sees it. Both go when the test ends. */
export async function startDebianServer(
  context: Pick<TestContext, "after">,
  program: string,
  args: (folder: { readonly path: string; readonly seen: string }) => Promise<readonly string[]> | readonly string[],
): Promise<void> {
  const path = await mkdtemp(join(root, tmpdir(), `ringtap-${program}-`));
  const seen = join("/", relative(root, path));
  const [file = "", ...rest] = [...(root === "/" ? [] : ["chroot", root]), program, ...(await args({ path, seen }))];
  const child = spawn(file, rest, { stdio: "ignore" });
  context.after(async () => {
    if (child.exitCode === null) {
      child.kill();
      await once(child, "exit");
    }
    await rm(path, { recursive: true });
  });
  await once(child, "spawn");
}
