/** The page at `/` in a browser, with a real agent and real traffic. */
import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { before, describe, it } from "node:test";

import type { Browser } from "playwright-core";

import { startAgent as startSignals } from "../../../src/agent/start-agent.js";
import { pageStream } from "../../../src/cli/run/page.js";
import { startServer } from "../../../src/http/server.js";
import { createLogger } from "../../../src/log/logger.js";
import { signals as builtIn } from "../../../src/signals/index.js";
import { type Agent, startAgent } from "../support/agent.js";
import { openPage, startBrowser, type WatchedPage } from "../support/browser.js";
import { eventually } from "../support/eventually.js";
import { ownSignal } from "../support/own-signal.js";
import { type NetworkNamespace, networkNamespace } from "../support/network.js";
import { compileProgram, programSource, runProgram, scratch } from "../support/program.js";
import { select, sum } from "../support/samples.js";
import { suiteScope } from "../support/scope.js";
import { startWaiting, type Waiting } from "../support/waiting.js";

const source = programSource("tcp-traffic");
const comm = "rt-page";

/** Markup, quotes and what turns the direction of text: 15 bytes. */
const hostile = `<b x="'&\u202e>a`;

/** Until the agent has another filter, milliseconds: see web/main.ts. */
const untilFilteredMs = 1000;

/** The metrics whose sums over details the page shows as totals. */
const shown = {
  connects: "ringtap_tcp_connects_total",
  accepts: "ringtap_tcp_accepts_total",
  sent_bytes: "ringtap_tcp_sent_bytes_total",
  received_bytes: "ringtap_tcp_received_bytes_total",
  syscalls: "ringtap_syscalls_total",
  syscall_errors: "ringtap_syscall_errors_total",
  file_opens: "ringtap_file_opens_total",
};

describe("page", () => {
  const scope = suiteScope();
  let program: string;
  let network: NetworkNamespace;
  let agent: Agent;
  let browser: Browser;
  let wide: WatchedPage;

  const traffic = (program: string, ...args: readonly (string | number)[]): Promise<Waiting> => {
    const [file = "", ...rest] = [...network.prefix, program, ...args.map(String)];
    return startWaiting(scope, file, rest);
  };

  /** Seven connections with a server, and three connects that nobody answers: by three processes. */
  async function exchange(port: number, deadPort: number): Promise<void> {
    const server = await traffic(program, "serve", 4, port, 7, 100);
    const client = await traffic(program, "connect", 4, "127.0.0.1", port, "b", 7, 100, 1000);
    await Promise.all([client.go(), server.go()]);
    await (await traffic(program, "connect", 4, "127.0.0.1", deadPort, "b", 3, 0, 0)).go();
  }

  /** Filters, by the keyboard alone. */
  async function filter(text: string): Promise<void> {
    const { page } = wide;
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await page.keyboard.press("/");
    await page.keyboard.type(text);
  }

  before(async () => {
    program = compileProgram(comm, source);
    copyFileSync(program, scratch(hostile));
    network = networkNamespace(scope);
    agent = await startAgent(scope);
    browser = await startBrowser(scope);
    wide = await openPage(browser, { viewport: { width: 1440, height: 900 } });
    await wide.page.goto(agent.origin);
    await wide.page.locator("#signals li.up").nth(4).waitFor();
  });

  it("shows the numbers of /metrics", async () => {
    await exchange(8001, 9);
    await filter(`comm:${comm}`);
    const rows = wide.page.locator("#processes tbody tr");
    await eventually(async () => {
      assert.equal(await rows.count(), 3);
    });
    const samples = await agent.scrape();
    for (const row of await rows.all()) {
      const pid = (await row.locator("[data-label=pid]").textContent()) ?? "";
      assert.ok(select(samples, shown.syscalls, { pid, comm }).size > 0);
      for (const [key, metric] of Object.entries(shown)) {
        const total = await row.locator(`[data-key=${key}]`).getAttribute("data-total");
        assert.equal(Number(total), sum(samples, metric, { pid, comm }), `${metric} of ${pid}`);
      }
    }
    await wide.page.keyboard.press("Escape");
  });

  it("draws who talked to whom, failures in red", async () => {
    const link = (from: string, to: string) => wide.page.locator(`#map path[data-from="${from}"][data-to="${to}"]`);
    await filter(`comm:${comm}`);
    await exchange(8002, 11);
    await link(comm, `${comm} :8002`).waitFor({ state: "attached" });
    assert.doesNotMatch((await link(comm, `${comm} :8002`).getAttribute("class")) ?? "", /bad/);
    assert.match((await link(comm, "127.0.0.1:11").getAttribute("class")) ?? "", /bad/);
    assert.match((await link(comm, "127.0.0.1:11").locator("title").textContent()) ?? "", /3 failures/);
  });

  it("opens a process by the keyboard: its calls and its peers", async () => {
    const { page } = wide;
    // As many as keep the call among the rows that are shown, those of the calls that took longest.
    const waiting = await traffic(program, "serve", 4, 8003, 60, 100);
    const client = await traffic(program, "connect", 4, "127.0.0.1", 8003, "b", 60, 100, 1000);
    await client.go();
    // Before it called itself so, the process was ip(8), which has a row of its own.
    await filter(`pid:${client.pid} comm:${comm}`);
    await page.locator("#processes tbody [data-key=connects][data-total='60']").waitFor();
    await eventually(async () => {
      assert.equal(await page.locator("#processes tbody tr").count(), 1);
    });
    await page.locator("#totals").focus();
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    const drill = page.locator("#drill");
    await drill.getByRole("row", { name: /^→ 127\.0\.0\.1:8003 60 / }).waitFor();
    await drill.getByRole("row", { name: /^connect 60 / }).waitFor();
    await waiting.go();
    await page.keyboard.press("Escape");
    assert.equal(await drill.isVisible(), false);
    assert.equal(await page.locator("#processes tbody button:focus").count(), 1);
  });

  it("sorts, shows totals, pauses and explains itself by the keyboard", async () => {
    const { page } = wide;
    await filter("");
    await page.locator("#totals").focus();
    const sorted = page.locator("#processes th[aria-sort]");
    const before = await sorted.getAttribute("data-key");
    await page.keyboard.press("s");
    assert.notEqual(await sorted.getAttribute("data-key"), before);
    await page.keyboard.press("S");
    assert.equal(await sorted.getAttribute("data-key"), before);
    await page.keyboard.press("t");
    assert.equal(await page.locator("#totals").getAttribute("aria-pressed"), "true");
    await page.keyboard.press("t");
    await page.keyboard.press("p");
    assert.equal(await page.locator("#pause").getAttribute("aria-pressed"), "true");
    await page.keyboard.press("p");
    await page.keyboard.press("?");
    assert.equal(await page.locator("#keys").isVisible(), true);
    await page.keyboard.press("Escape");
    assert.equal(await page.locator("#keys").isVisible(), false);
  });

  it("shows hostile names as text", async () => {
    const { page } = wide;
    await filter("<b");
    await page.waitForTimeout(untilFilteredMs);
    await (await traffic(scratch(hostile), "connect", 4, "127.0.0.1", 9, "b", 2, 0, 0)).go();
    const shownName = hostile.replace("\u202e", "\\u202e");
    await page.locator("#processes tbody").getByRole("button", { name: shownName, exact: true }).waitFor();
    await page.locator("#map text", { hasText: "<b x=" }).waitFor();
    await page.locator("#tail li.bad b", { hasText: shownName }).first().waitFor();
    assert.equal(await page.locator("#processes tbody b, #map b").count(), 0);
  });

  it("follows events, and draws latencies", async () => {
    const { page } = wide;
    await filter(`comm:${comm}`);
    await page.waitForTimeout(untilFilteredMs);
    await (await traffic(scratch(comm), "connect", 4, "127.0.0.1", 9, "b", 2, 0, 0)).go();
    const refused = page.locator("#tail li.bad", {
      hasText: new RegExp(`${comm}.*connect {2}→ 127\\.0\\.0\\.1:9 {2}refused`),
    });
    await refused.nth(1).waitFor();
    const painted = await page.locator("[data-latency=syscall] canvas").evaluate((canvas) => {
      const { width, height } = canvas as unknown as { width: number; height: number };
      return width > 0 && height > 0;
    });
    assert.ok(painted);
    await page.locator("[data-latency=syscall] small", { hasText: "p50 ≤" }).waitFor();
  });

  it("fits a phone", async () => {
    const phone = await openPage(browser, { viewport: { width: 390, height: 844 }, colorScheme: "dark" });
    await phone.page.goto(agent.origin);
    await phone.page.locator("#processes tbody tr").first().waitFor();
    const overflow = await phone.page.locator("html").evaluate((root) => {
      const { scrollWidth, clientWidth } = root as unknown as { scrollWidth: number; clientWidth: number };
      return scrollWidth - clientWidth;
    });
    assert.equal(overflow, 0);
    const sorted = await phone.page.locator("#processes th[aria-sort]").boundingBox();
    assert.ok(
      sorted !== null && sorted.x + sorted.width / 2 < 390,
      "one has to scroll to the column that it is sorted by",
    );
    assert.deepEqual(phone.problems, []);
    await phone.page.context().close();
  });

  it("shows the columns, the headline and the breakdown of a signal that it does not know", async (t) => {
    const log = createLogger("warn", "logfmt");
    const own = startSignals({ signals: [...builtIn, ownSignal], wanted: ["visits", "tcp"], log });
    t.after(() => {
      own.close();
    });
    const server = await startServer({
      listenAddresses: ["127.0.0.1:0"],
      telemetryPath: "/metrics",
      render: async function* () {
        yield await Promise.resolve(Buffer.from(""));
      },
      health: () => ({ ready: true, lines: [] }),
      live: pageStream(own.live, { telemetryPath: "/metrics", currentConfig: undefined, log }).handle,
      onError: assert.ifError,
    });
    t.after(() => server.close());
    const { page, problems } = await openPage(browser, { viewport: { width: 1440, height: 900 } });
    t.after(() => page.context().close());
    await page.goto(`http://${server.addresses[0] ?? ""}`);
    const headings = page.locator("#processes th[data-key]");
    await headings.nth(8).waitFor();
    assert.deepEqual(await headings.allTextContents(), [
      ...["conn", "fail", "acc", "conns", "sent", "recv", "rtx", "visits", "lent"],
    ]);
    await page.locator("#vitals dt", { hasText: /^visits\/s$/ }).waitFor();
    await page.locator("#tail-choices input[data-signal=visits]").waitFor();

    const visitor = compileProgram(
      "rt-visitor",
      `#include <fcntl.h>
      #include <unistd.h>
      int main(void) {
        for (int i = 0; i < 30; i++) open(i < 20 ? "/" : "/no/such/file", O_RDONLY);
        return 0;
      }`,
      ["-static"],
    );
    await page.locator("#filter").fill("comm:rt-visitor");
    await page.waitForTimeout(untilFilteredMs);
    await runProgram(visitor, []);
    const row = page.locator("#processes tbody tr", { hasText: "rt-visitor" });
    await row.locator("[data-key=visits][data-total='30']").waitFor();
    assert.equal(await row.locator("[data-key=lent]").getAttribute("data-total"), "10");
    assert.match((await row.locator("[data-key=lent]").getAttribute("class")) ?? "", /\bbad\b/);
    await page
      .locator("#tail li.bad", { hasText: /rt-visitor.*outcome lent/ })
      .nth(9)
      .waitFor();
    await row.getByRole("button").click();
    const drill = page.locator("#drill");
    await drill.getByRole("row", { name: /^read 20$/ }).waitFor();
    await drill.getByRole("row", { name: /^lent 10$/ }).waitFor();
    assert.equal(await drill.getByRole("heading", { level: 3 }).first().textContent(), "Visits since the agent began");
    assert.deepEqual(problems, []);
  });

  it("asks the agent alone, and breaks no rule of its policy", () => {
    assert.deepEqual([...wide.requests], [agent.origin]);
    assert.deepEqual(wide.problems, []);
  });

  it("comes back when the agent does", async () => {
    const { page } = wide;
    process.kill(agent.pid, "SIGTERM");
    await agent.exited;
    await page.locator("body.lost").waitFor();
    await startAgent(scope, [`--web.listen-address=${new URL(agent.origin).host}`]);
    await page.locator("body:not(.lost)").waitFor();
  });
});
