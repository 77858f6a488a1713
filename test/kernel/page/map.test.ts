/** The map of the page at `/` in a browser: its lines have the protocol of the requests, how many there are and how many fail. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent as Connections, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { before, describe, it } from "node:test";

import { type Agent, startAgent } from "../support/agent.js";
import { openPage, startBrowser, type WatchedPage } from "../support/browser.js";
import { eventually } from "../support/eventually.js";
import { suiteScope } from "../support/scope.js";

describe("the map of the page", () => {
  const scope = suiteScope();
  const connections = new Connections({ keepAlive: true, maxSockets: 1 });
  const server = createServer(({ url = "" }, response) => response.writeHead(url === "/bad" ? 500 : 200).end("body"));
  let agent: Agent;
  let watched: WatchedPage;
  let port: number;

  before(async () => {
    server.listen(0, "127.0.0.1");
    scope.after(() => {
      connections.destroy();
      server.close();
    });
    await once(server, "listening");
    ({ port } = server.address() as AddressInfo);
    agent = await startAgent(scope, ["--signals=tcp,l7"]);
    watched = await openPage(await startBrowser(scope), { viewport: { width: 1440, height: 900 } });
    await watched.page.goto(agent.origin);
    await watched.page.locator("#signals li.up").nth(1).waitFor();
    await watched.page.locator("#map-note").filter({ hasText: /./ }).waitFor();
  });

  async function get(path: string, times: number): Promise<void> {
    for (let made = 0; made < times; made++) {
      await new Promise<void>((resolve, reject) => {
        request({ host: "127.0.0.1", port, path, agent: connections }, (response) =>
          response.resume().on("end", resolve),
        )
          .on("error", reject)
          .end();
      });
    }
  }

  it("counts each request on its line, those that failed in red", async () => {
    const { page, problems } = watched;
    const line = page.locator(`#map path[data-to$=":${port}"]`);
    const title = line.locator("title");
    await page.locator("#map-measure").selectOption("requests");
    await get("/good", 30);
    await eventually(async () => {
      assert.match((await title.textContent()) ?? "", /\nhttp: 30 requests, · failed, 99 % within \S+s$/);
    });
    assert.doesNotMatch((await line.getAttribute("class")) ?? "", /bad/);
    assert.equal(await line.count(), 1);
    let failures = 0;
    await eventually(async () => {
      await get("/bad", 1);
      failures++;
      assert.match((await line.getAttribute("class")) ?? "", /bad/);
      assert.match((await page.locator("#map-note").textContent()) ?? "", /req\/s, .* failing\/s/);
    });
    await eventually(async () => {
      const [, requests, failed] = /\nhttp: (\d+) requests, (\d+) failed/.exec((await title.textContent()) ?? "") ?? [];
      assert.deepEqual([Number(requests), Number(failed)], [30 + failures, failures]);
    });
    await page
      .locator("#map text.protocol", { hasText: /^http / })
      .first()
      .waitFor({ state: "attached" });
    assert.deepEqual(problems, []);
  });

  it("has the requests among the peers of a process", async () => {
    const { page } = watched;
    await page.keyboard.press("/");
    await page.keyboard.type(`pid:${process.pid}`);
    await eventually(async () => {
      assert.equal(await page.locator("#processes tbody tr").count(), 1);
    });
    await page.locator("#totals").focus();
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page
      .locator("#drill")
      .getByRole("row", { name: new RegExp(`^→ 127\\.0\\.0\\.1:${port} 1 .*http \\d+, \\d+ failed$`) })
      .waitFor();
  });
});
