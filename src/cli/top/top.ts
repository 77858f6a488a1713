/** `ringtap top`: the busiest processes, as it goes. */
import type { Command } from "commander";
import type { Logger } from "pino";

import { startAgent } from "../../agent/start-agent.js";
import { dropCapabilities } from "../../host/privileges.js";
import { requireKernel } from "../../host/requirements.js";
import type { Live } from "../../views/live.js";
import { askedToEnd } from "../ending.js";
import { addExamples } from "../reference/examples.js";
import { KnownSignals } from "../flags/own-signals.js";
import { logStrayErrors } from "../stray-errors.js";
import { followKubernetes, nameContainers } from "../kubernetes.js";
import { createLogger } from "../../log/logger.js";
import { durationText } from "../../views/shared/quantities.js";
import { numberColumns, sortKeys } from "./columns.js";
import { topFrame } from "./model.js";
import { addTopFlags, readTopOptions, type TopOptions } from "./options.js";
import { jsonText, tableText } from "./report.js";
import { showScreen } from "./screen.js";
import { LineOutput } from "../trace/output.js";
import { pauseUntil } from "../waiting.js";

/** What identifies processes. */
const labels = ["pid", "comm", "container_id", "container"];

/** There are no scrapes: the limits are for what the machine can bear, not for what a server can store. */
const seriesLimit = 1_000_000;
const identityLimit = 65_536;

/** Prints what happened in an interval, once or until `ending`. */
async function printFrames(live: Live, options: TopOptions, ending: Promise<unknown>, log: Logger): Promise<void> {
  const output = new LineOutput(process.stdout);
  const text = options.output === "json" ? jsonText : tableText;
  const gone = output.failed.then((cause) => {
    if (cause.code !== "EPIPE") {
      throw new Error("writing to stdout", { cause });
    }
  });
  const over = Promise.race([ending, gone]);
  let before = await live.snapshot();
  log.info({ interval: durationText(options.interval / 1e9) }, "counting");
  for (let goesOn = true; goesOn;) {
    goesOn = await pauseUntil(over, options.interval / 1e6);
    if (!goesOn) {
      break;
    }
    const after = await live.snapshot();
    if (output.hasRoom()) {
      output.line(text(topFrame(before, after, live.views), options));
    }
    before = after;
    output.flush();
    goesOn = !options.once;
  }
  await Promise.race([output.delivered(), over]);
}

/** The options, sorted by another column where the signal of the chosen one does not run. */
function sortable(options: TopOptions, live: Live, log: Logger): TopOptions {
  const keys = sortKeys(numberColumns(live.columns));
  const [first = "pid"] = keys;
  if (keys.includes(options.sort)) {
    return options;
  }
  log.warn({ sort: options.sort, instead: first }, "the signal of this column does not run");
  return { ...options, sort: first };
}

async function top(given: TopOptions, known: KnownSignals): Promise<void> {
  const log = createLogger(given.logLevel, given.logFormat);
  logStrayErrors(known, log);
  requireKernel();
  const ending = askedToEnd();
  const kubernetes = followKubernetes({ ...given, labels: ["pod"], kubernetesPodLabels: [], peerLabels: [] }, log);
  const agent = startAgent({
    signals: known.all,
    wanted: given.signals,
    labels,
    seriesLimit,
    identityLimit,
    ringSize: given.ringSize,
    cgroupHierarchy: given.cgroupHierarchy,
    log,
  });
  const { live } = agent;
  const options = sortable(given, live, log);
  try {
    nameContainers(agent.identity.cgroups, kubernetes.pods, []);
    if (options.dropCapabilities) {
      dropCapabilities();
    }
    const isInteractive = !options.once && options.output === "table" && process.stdin.isTTY && process.stdout.isTTY;
    if (isInteractive) {
      // Lines of the log would be drawn over; losses are in the first line of the screen.
      log.level = process.stderr.isTTY ? "silent" : log.level;
      await showScreen(live, options, ending);
    } else {
      await printFrames(live, options, ending, log);
    }
  } finally {
    agent.close();
    kubernetes.close();
  }
}

/** Adds `top` to the program. */
export function addTopCommand(program: Command, known = new KnownSignals()): void {
  const command = program.command("top").description("show the busiest processes, and what they do, as it goes");
  addTopFlags(command, known);
  addExamples(command, [
    { what: "the busiest processes; ? shows the keys", command: "ringtap top" },
    { what: "who opens connections, every five seconds", command: "ringtap top --sort connects --interval 5s" },
    { what: "what happened in ten seconds, for programs", command: "ringtap top --once --interval 10s --output json" },
  ]);
  command.action(() => top(readTopOptions(command, known), known));
}
