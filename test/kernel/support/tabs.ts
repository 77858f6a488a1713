/**
 * Windows and tabs of a browser as a person has them: a tab is hidden while another one of its window is shown. Playwright has
 * each of its pages believe to be shown, so these are made without it.
 */
import type { Browser, CDPSession } from "playwright-core";

import { eventually } from "./eventually.js";

export interface Tab {
  /** Evaluates an expression in it. */
  evaluate<T>(expression: string): Promise<T>;
  /** Shows it in place of the others in its window. */
  show(): Promise<void>;
  close(): Promise<void>;
  /** Kills the process that renders it. */
  crash(): Promise<void>;
}

export interface Tabs {
  /** Opens an address in a window of its own, or else in a tab beside that which was used last. */
  open(url: string, inWindow: boolean): Promise<Tab>;
}

interface Answer {
  readonly id?: number;
  readonly result?: { readonly result?: { readonly value: unknown } };
}

/** Sends one command of the DevTools protocol to a tab, and returns its answer's result. */
async function command(session: CDPSession, targetId: string, method: string, params: object): Promise<Answer> {
  const { sessionId } = await session.send("Target.attachToTarget", { targetId, flatten: false });
  const answer = new Promise<Answer>((resolve) => {
    const onMessage = (event: { sessionId: string; message: string }): void => {
      const message = JSON.parse(event.message) as Answer;
      if (event.sessionId === sessionId && message.id === 1) {
        session.off("Target.receivedMessageFromTarget", onMessage);
        resolve(message);
      }
    };
    session.on("Target.receivedMessageFromTarget", onMessage);
  });
  await session.send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify({ id: 1, method, params }) });
  const message = await answer;
  await session.send("Target.detachFromTarget", { sessionId });
  return message;
}

/** Begins a session of the browser, without windows. */
export async function openTabs(browser: Browser): Promise<Tabs> {
  const session = await browser.newBrowserCDPSession();
  const { browserContextId } = await session.send("Target.createBrowserContext");
  return {
    async open(url, newWindow) {
      const { targetId } = await session.send("Target.createTarget", { url, browserContextId, newWindow });
      return {
        async evaluate<T>(expression: string) {
          const { result } = await command(session, targetId, "Runtime.evaluate", { expression, returnByValue: true });
          return result?.result?.value as T;
        },
        async show() {
          await session.send("Target.activateTarget", { targetId });
        },
        async close() {
          await session.send("Target.closeTarget", { targetId });
        },
        async crash() {
          const ended = new Promise((resolve) => {
            session.once("Target.targetCrashed", resolve);
          });
          await session.send("Target.setDiscoverTargets", { discover: true });
          void command(session, targetId, "Page.crash", {});
          await ended;
        },
      };
    },
  };
}

/** Waits until an expression has a value that is no other than this one. */
export async function untilValue(tab: Tab, expression: string, wanted: unknown): Promise<void> {
  await eventually(async () => {
    const value = await tab.evaluate<unknown>(expression);
    if (value !== wanted) {
      throw new Error(`${expression} is ${JSON.stringify(value)}, not ${JSON.stringify(wanted)}`);
    }
  });
}
