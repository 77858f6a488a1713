/** The stream from the agent, as this page has it: shared with the other tabs of the browser, and none while it is hidden. */
import type { BreakdownFrame, Frame, TailFrame } from "../src/views/protocol.js";
import type { StreamMessage } from "./agent-stream.js";
import { Hub, type PageMessage } from "./hub.js";

/** What a page asks for beside the frames. */
export type Wishes = Readonly<Record<string, string>>;

export interface Listeners {
  frame(frame: Frame): void;
  tail(tail: TailFrame): void;
  breakdowns(breakdowns: BreakdownFrame): void;
  /** The connection is there, or not, and why. */
  state(isOpen: boolean, problem: string): void;
}

/** Part of the Trusted Types API, which TypeScript's library does not have. */
declare const trustedTypes:
  | {
      createPolicy(
        name: string,
        rules: { createScriptURL: (url: string) => string },
      ): { createScriptURL(url: string): string };
    }
  | undefined;

/** The address of the worker; the page's policy wants it from a policy of this name, which has no other. */
const workerAddress = ((): string => {
  const { href } = new URL("worker.js", import.meta.url);
  return typeof trustedTypes === "undefined"
    ? href
    : trustedTypes.createPolicy("ringtap-worker", { createScriptURL: () => href }).createScriptURL("");
})();

/** A port to a hub of the page's own, for browsers that share no workers. */
function ownHub(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  new Hub().connect(port1);
  return port2;
}

/** Without a message for so long, milliseconds, another connection is tried: there is a frame a second. */
const silenceMs = 5000;

/** Follows the agent, anew at each change of the wishes. */
export class Stream {
  readonly #listeners: Listeners;
  /** Are there shared workers, as far as is known? */
  #canShare = typeof SharedWorker !== "undefined";
  #port: MessagePort;
  #query: string | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;

  constructor(listeners: Listeners) {
    this.#listeners = listeners;
    this.#port = this.#connect();
    document.addEventListener("visibilitychange", () => {
      this.#tell();
    });
    window.addEventListener("pagehide", () => {
      this.#say({ type: "leave" });
    });
  }

  /** Asks for this from now on. */
  want(wishes: Wishes): void {
    this.#query = new URLSearchParams(wishes).toString();
    this.#tell();
  }

  /** A port to the hub of all tabs, or to one of its own. */
  #connect(): MessagePort {
    const port = this.#canShare ? this.#sharedHub() : ownHub();
    port.addEventListener("message", ({ data }: MessageEvent<StreamMessage>) => {
      this.#expectMessage();
      this.#take(data);
      port.postMessage({ type: "taken" } satisfies PageMessage);
    });
    port.start();
    return port;
  }

  #sharedHub(): MessagePort {
    const worker = new SharedWorker(workerAddress, { type: "module", name: "ringtap" });
    worker.addEventListener("error", () => {
      this.#canShare = false;
      this.#reconnect();
    });
    return worker.port;
  }

  /** The worker, and the process of the browser that it runs in, may have ended; no one says so. */
  #reconnect(): void {
    this.#say({ type: "leave" });
    this.#port = this.#connect();
    this.#tell();
  }

  #expectMessage(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#listeners.state(false, `silent for ${silenceMs / 1000} seconds`);
      this.#reconnect();
    }, silenceMs);
  }

  #say(message: PageMessage): void {
    this.#port.postMessage(message);
  }

  #tell(): void {
    if (this.#query === undefined) {
      return;
    }
    if (document.hidden) {
      clearTimeout(this.#silence);
      this.#say({ type: "leave" });
    } else {
      this.#expectMessage();
      this.#say({ type: "want", query: this.#query });
    }
  }

  #take(message: StreamMessage): void {
    switch (message.type) {
      case "frame":
        this.#listeners.state(true, "");
        this.#listeners.frame(message.data);
        break;
      case "tail":
        this.#listeners.tail(message.data);
        break;
      case "breakdown":
        this.#listeners.breakdowns(message.data);
        break;
      case "lost":
        this.#listeners.state(false, message.data);
    }
  }
}
