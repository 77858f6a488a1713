/** Several pages of one agent in one browser, by HTTP/1.1. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import type { Browser } from "playwright-core";

import { type Agent, startAgent } from "../support/agent.js";
import { openPage, startBrowser } from "../support/browser.js";
import { eventually } from "../support/eventually.js";
import { sum } from "../support/samples.js";
import { suiteScope } from "../support/scope.js";
import { openTabs, type Tab, untilValue } from "../support/tabs.js";

/** A name that makes the page's origin one that browsers do not call secure, as that of a machine in a network is. */
const name = "ringtap.example";

const link = `document.querySelector("#link")?.textContent`;
/** How many frames a page has had, up to 60. */
const frames = `document.querySelector("[data-vital=cpu] polyline")?.getAttribute("points").split(" ").length`;

describe("pages of one browser", () => {
  const scope = suiteScope();
  let agent: Agent;
  let browser: Browser;
  let origin: string;

  before(async () => {
    agent = await startAgent(scope, ["--signals=process", `--web.allowed-hosts=${name}`]);
    browser = await startBrowser(scope, [`--host-resolver-rules=MAP ${name} 127.0.0.1`]);
    origin = agent.origin.replace("127.0.0.1", name);
  });

  async function untilViewers(expected: number): Promise<void> {
    await eventually(async () => {
      assert.equal(sum(await agent.scrape(), "ringtap_page_viewers", {}), expected);
    });
  }

  async function untilLive(tab: Tab): Promise<void> {
    await untilValue(tab, link, "live");
    const had = await tab.evaluate<number>(frames);
    assert.ok(had > 0);
    await untilValue(tab, `${frames} > ${had}`, true);
  }

  function setFilter(tab: Tab, text: string): Promise<void> {
    const set = `const input = document.querySelector("#filter"); input.value = ${JSON.stringify(text)};`;
    return tab.evaluate(`{ ${set} input.dispatchEvent(new Event("input")); }`);
  }

  it("share one stream, whoever of them goes, and a page with another filter has its own", async () => {
    const tabs = await openTabs(browser);
    const windows: Tab[] = [];
    for (let i = 0; i < 7; i++) {
      windows.push(await tabs.open(origin, true));
    }
    for (const tab of windows) {
      await untilLive(tab);
      assert.equal(await tab.evaluate("document.hidden || isSecureContext"), false);
    }
    await untilViewers(1);

    const [first, second, third, fourth, fifth, ...others] = windows as [Tab, Tab, Tab, Tab, Tab, Tab, Tab];
    await first.close();
    await Promise.all(others.map(untilLive));
    await untilViewers(1);

    await setFilter(second, "a word that the page alone filters by");
    await setFilter(third, "comm:two");
    await untilViewers(2);
    await setFilter(second, "comm:one");
    await setFilter(fourth, "comm:three");
    await untilViewers(4);
    await setFilter(fifth, "comm:four");
    await untilValue(fifth, link, "4 pages with other filters are open in this browser");
    await second.close();
    await untilLive(fifth);
    await untilViewers(4);
    await Promise.all([third, fourth, ...others].map(untilLive));
    for (const tab of [third, fourth, fifth, ...others]) {
      await tab.close();
    }
    await untilViewers(0);
  });

  it("have no stream while they are hidden, and everything once they are shown", async () => {
    const tabs = await openTabs(browser);
    const page = await tabs.open(origin, true);
    await untilLive(page);
    await untilViewers(1);
    const blank = await tabs.open("about:blank", false);
    await untilValue(page, "document.hidden", true);
    await untilViewers(0);
    await page.show();
    await untilViewers(1);
    await untilLive(page);
    const other = await tabs.open(origin, false);
    await untilLive(other);
    await untilValue(page, "document.hidden", true);
    await untilViewers(1);
    for (const tab of [blank, page, other]) {
      await tab.close();
    }
    await untilViewers(0);
  });

  it("go on when the process that has the stream ends", async () => {
    const tabs = await openTabs(browser);
    const first = await tabs.open(origin, true);
    await untilLive(first);
    const second = await tabs.open(origin, true);
    await untilLive(second);
    await first.crash();
    await untilLive(second);
    await second.close();
    await first.close();
    await untilViewers(0);
  });

  it("have each a stream in a browser without shared workers", async () => {
    const { page, problems } = await openPage(browser, {});
    await page.context().addInitScript("delete globalThis.SharedWorker");
    await page.goto(origin);
    await page.locator("#link", { hasText: "live" }).waitFor();
    const another = await page.context().newPage();
    await another.goto(origin);
    await untilViewers(2);
    assert.deepEqual(problems, []);
    await page.context().close();
    await untilViewers(0);
  });
});
