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
  const follow = async (path: string): Promise<void> => {
    if (seen.has(path)) {
      return;
    }
    seen.add(path);
    const { status, headers, body } = await ask(address, path);
    assert.equal(status, 200, path);
    assert.equal(headers["content-type"], "text/javascript; charset=utf-8");
    for (const [, other = ""] of body.toString().matchAll(/from "([^"]+)"/g)) {
      await follow(new URL(other, new URL(path, "http://page")).pathname);
    }
  };
  await follow("/page/web/main.js");
  assert.ok(seen.size > 10);
  assert.ok(seen.has("/page/src/views/shared/rates.js"), "modules shared with the agent");
  assert.ok(
    [...seen].every((path) => /^\/page\/(web|src\/views\/shared)\/[\w-]+\.js$/.test(path)),
    [...seen].join(),
  );
});

test("who has a file already is told so, and files beside the page are not there", async (context) => {
  const { address } = await start(context);
  const { headers } = await ask(address, "/page/web/style.css");
  const etag = String(headers.etag);
  for (const known of [etag, `W/${etag}`, `"x", ${etag}`, `"a,b",W/${etag} , "c"`, "*", " * "]) {
    const again = await ask(address, "/page/web/style.css", { headers: { "If-None-Match": known } });
    assert.deepEqual([again.status, again.body.length], [304, 0], known);
  }
  for (const other of ['"x"', etag.slice(1, -1), `"${etag}`, '"*"', ""]) {
    const changed = await ask(address, "/page/web/style.css", { headers: { "If-None-Match": other } });
    assert.equal(changed.status, 200, other);
  }
  for (const path of [
    "/page/",
    "/page/web/",
    "/page/web/index.html",
    "/page/../src/cli/main.js",
    "/page/src/cli/main.js",
    "/page/src/views/live.js",
    "/page/src/views/shared/rates.d.ts",
    "/page/web/tsconfig.json",
    "/page/web/main.ts",
  ]) {
    assert.equal((await ask(address, path)).status, 404, path);
  }
});
