/** The page behind nginx and Caddy, by the recipes of docs/page.md. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { before, describe, it } from "node:test";

import type { Browser } from "playwright-core";

import { fences, readDocument, section } from "../../docs/documents.js";
import { freePort } from "../../../scripts/bench/lib/free-port.js";
import { type Agent, startAgent } from "../support/agent.js";
import { openPage, startBrowser } from "../support/browser.js";
import { eventually } from "../support/eventually.js";
import { compileProgram, runProgram, scratch } from "../support/program.js";
import { suiteScope } from "../support/scope.js";

interface Proxy {
  /** What the document's block is marked as. */
  readonly language: string;
  /** The whole configuration, of the recipe and what such a file otherwise has. */
  readonly configuration: (recipe: string) => string;
  readonly command: (path: string) => readonly string[];
}

const folder = scratch("proxies");

const proxies: readonly Proxy[] = [
  {
    language: "nginx",
    configuration: (recipe) => `
      daemon off;
      user root;
      worker_processes 1;
      pid ${folder}/nginx.pid;
      events {}
      http {
        access_log off;
        proxy_temp_path ${folder}/proxied;
        client_body_temp_path ${folder}/bodies;
        fastcgi_temp_path ${folder}/fastcgi;
        uwsgi_temp_path ${folder}/uwsgi;
        scgi_temp_path ${folder}/scgi;
        ${recipe}
      }`,
    command: (path) => ["nginx", "-e", "stderr", "-c", path],
  },
  {
    language: "caddy",
    configuration: (recipe) => `{\n\tadmin off\n}\n${recipe}`,
    command: (path) => ["caddy", "run", "--adapter", "caddyfile", "--config", path],
  },
];

describe("the page behind a proxy", () => {
  const scope = suiteScope();
  let agent: Agent;
  let browser: Browser;
  let program: string;

  before(async () => {
    mkdirSync(folder);
    program = compileProgram("rt-proxied", "int main(void) { return 0; }");
    agent = await startAgent(scope, ["--signals=process"]);
    browser = await startBrowser(scope);
  });

  const recipes = fences(section(readDocument("docs/page.md"), "## Behind a proxy"));

  for (const { language, configuration, command } of proxies) {
    it(`${language}, below a path`, async (t) => {
      const [recipe, ...others] = recipes.filter((fence) => fence.language === language);
      assert.ok(recipe !== undefined && others.length === 0);
      const port = `${await freePort()}`;
      const text = recipe.code.replaceAll("8080", port).replaceAll("127.0.0.1:19435", new URL(agent.origin).host);
      const path = `${folder}/${language}.conf`;
      writeFileSync(path, configuration(text));
      const [file = "", ...args] = command(path);
      const proxy = spawn(file, args, { detached: true, stdio: "ignore", env: { ...process.env, HOME: folder } });
      t.after(async () => {
        // With SIGTERM, Caddy would wait for the page to go. The group: nginx has a worker, which would go on.
        process.kill(-(proxy.pid ?? NaN), "SIGKILL");
        await once(proxy, "exit");
      });

      const origin = `http://127.0.0.1:${port}`;
      await eventually(() => fetch(origin));
      const { page, problems, requests } = await openPage(browser, {});
      t.after(() => page.context().close());
      // What a person types: without the slash at the end.
      await page.goto(`${origin}/ringtap`);
      await page.locator("#signals li.up").waitFor();
      await runProgram(program);
      await page.locator("#tail li", { hasText: "rt-proxied" }).first().waitFor();

      for (const [name, first] of [
        ["metrics", "# HELP "],
        ["healthz", "ok"],
        ["readyz", "process: up"],
      ] as const) {
        const href = await page.locator("footer a", { hasText: name }).evaluate(({ href }: { href: string }) => href);
        assert.equal(href, `${origin}/ringtap/${name}`);
        const answer = await (await fetch(href)).text();
        assert.ok(answer.includes(first), `${name}: ${answer.slice(0, 200)}`);
      }
      assert.deepEqual([...requests], [origin]);
      assert.deepEqual(problems, []);
    });
  }
});
