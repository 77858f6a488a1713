import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { watchFiles, type WatchedFiles } from "../../src/config/watched-files.js";
import { temporaryFolder } from "../http/certificates.js";

/** What is waited for after a change, and a little more, milliseconds. */
const settling = 250;

/** A file of some text that is watched, in a folder of its own. */
function watched(context: TestContext) {
  const folder = temporaryFolder(context);
  const inFolder = (name: string): string => join(folder, name);
  const path = inFolder("file");
  writeFileSync(path, "one");
  const files = watchFiles();
  files.note(path);
  return { files, path, inFolder };
}

/** Whether a change is seen once the files no longer change, and not again once they are noted. */
async function assertSeen(files: WatchedFiles, path: string): Promise<void> {
  await sleep(settling);
  assert.equal(files.haveChanged(), true);
  files.note(path);
  assert.equal(files.haveChanged(), false);
}

test("nothing has changed until something does", async (context) => {
  const { files, path } = watched(context);
  assert.equal(files.haveChanged(), false);
  await sleep(settling);
  assert.equal(files.haveChanged(), false);
  writeFileSync(path, "two");
  await assertSeen(files, path);
});

test("a file is left alone while it is being written", (context) => {
  const { files, path } = watched(context);
  writeFileSync(path, "");
  assert.equal(files.haveChanged(), false);
});

test("an editor's rename is seen, whatever the new file's age and size", async (context) => {
  const { files, path, inFolder } = watched(context);
  renameSync(path, inFolder("file~"));
  writeFileSync(inFolder("file.new"), "two");
  utimesSync(inFolder("file.new"), 1, 1);
  renameSync(inFolder("file.new"), path);
  await assertSeen(files, path);
});

test("a file that goes, and comes again, is seen both times", async (context) => {
  const { files, path } = watched(context);
  rmSync(path);
  await assertSeen(files, path);
  writeFileSync(path, "one");
  await assertSeen(files, path);
});

test("Kubernetes's swap of a ConfigMap is seen", async (context) => {
  const { files, inFolder } = watched(context);
  const publish = (version: string): void => {
    mkdirSync(inFolder(version));
    writeFileSync(inFolder(`${version}/ringtap.yaml`), "series-limit: 7\n");
    symlinkSync(version, inFolder("..data_tmp"));
    renameSync(inFolder("..data_tmp"), inFolder("..data"));
  };
  publish("..2026_11_22_1");
  symlinkSync("..data/ringtap.yaml", inFolder("ringtap.yaml"));
  files.clear();
  files.note(inFolder("ringtap.yaml"));
  await sleep(settling);
  assert.equal(files.haveChanged(), false);
  publish("..2026_11_22_2");
  rmSync(inFolder("..2026_11_22_1"), { recursive: true });
  await assertSeen(files, inFolder("ringtap.yaml"));
});

test("files that are cleared are watched no more", async (context) => {
  const { files, path } = watched(context);
  writeFileSync(path, "two");
  await sleep(settling);
  files.clear();
  assert.equal(files.haveChanged(), false);
});
