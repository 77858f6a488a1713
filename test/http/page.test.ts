import assert from "node:assert/strict";
import { test } from "node:test";
import { ask } from "./http.js";
import { start } from "./start-server.js";

test("the page and all that it names come from here, with a policy that allows nothing else", async (context) => {
  const { address } = await start(context);
  const { status, headers, body } = await ask(address, "/");
  assert.equal(status, 200);
  assert.equal(headers["content-type"], "text/html; charset=utf-8");
  const policy = String(headers["content-security-policy"]);
  assert.ok(policy.startsWith("default-src 'none'; script-src 'self'; style-src 'self';"), policy);
  assert.doesNotMatch(policy, /unsafe|\*|http|data:/);
  const page = body.toString();
  assert.doesNotMatch(page, /style=|<style|<script>|javascript:|\bon\w+=|https?:|\/\//);
  const files = [...page.matchAll(/(?:src|href)="(page\/[^"]+)"/g)].map(([, file]) => file);
  assert.ok(files.length >= 3);
  for (const file of files) {
    const found = await ask(address, `/${file}`);
    assert.equal(found.status, 200, file);
    assert.equal(found.headers["x-content-type-options"], "nosniff");
    assert.equal(found.headers["cross-origin-resource-policy"], "same-origin");
  }
});

test("the modules of the page import nothing that is not served", async (context) => {
  const { address } = await start(context);
  const seen = new Set<string>();
  const follow = async (file: string): Promise<void> => {
    if (seen.has(file)) {
      return;
    }
    seen.add(file);
    const { status, headers, body } = await ask(address, `/page/${file}`);
    assert.equal(status, 200, file);
    assert.equal(headers["content-type"], "text/javascript; charset=utf-8");
    for (const [, other = ""] of body.toString().matchAll(/from "([^"]+)"/g)) {
      assert.match(other, /^\.\/\w+\.js$/);
      await follow(other.slice(2));
    }
  };
  await follow("main.js");
  assert.ok(seen.size > 10);
});

test("who has a file already is told so, and files beside the page are not there", async (context) => {
  const { address } = await start(context);
  const { headers } = await ask(address, "/page/style.css");
  const etag = String(headers.etag);
  const again = await ask(address, "/page/style.css", { headers: { "If-None-Match": etag } });
  assert.deepEqual([again.status, again.body.length], [304, 0]);
  for (const path of [
    "/page/",
    "/page/index.html",
    "/page/../src/cli/main.js",
    "/page/tsconfig.json",
    "/page/main.ts",
  ]) {
    assert.equal((await ask(address, path)).status, 404, path);
  }
});
