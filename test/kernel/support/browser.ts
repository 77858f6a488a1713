/** Debian's Chromium, and what a page does in it that it must not. */
import { type Browser, chromium, type Page } from "playwright-core";

import type { Scope } from "./scope.js";

/** No GPU, no sandbox (tests are root), and none of what a browser does of its own accord. */
const args = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];

/** A page, and what was noticed of it. */
export interface WatchedPage {
  readonly page: Page;
  /** Errors, and what the browser says of the content security policy. */
  readonly problems: string[];
  /** Where requests went. */
  readonly requests: Set<string>;
}

/** Starts the browser, with further switches; it ends with the scope. */
export async function startBrowser(scope: Scope, switches: readonly string[] = []): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: [...args, ...switches] });
  scope.after(() => browser.close());
  return browser;
}

/** Opens a page in a session of its own, before anything is loaded. */
export async function openPage(
  browser: Browser,
  options: NonNullable<Parameters<Browser["newContext"]>[0]>,
): Promise<WatchedPage> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const problems: string[] = [];
  const requests = new Set<string>();
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") {
      problems.push(message.text());
    }
  });
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("request", (request) => requests.add(new URL(request.url()).origin));
  return { page, problems, requests };
}
