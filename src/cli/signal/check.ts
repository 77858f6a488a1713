/** `ringtap signal check`: does a signal of one's own work here? */
import type { NativeError } from "../../binding/native.js";
import { attachBest } from "../../engine/attach-best.js";
import { LoadError, type Loaded } from "../../engine/load.js";
import { loadOwnSignals, type OwnSignal } from "../../engine/own-signals.js";
import { RunningSignal } from "../../engine/running.js";
import { checkUnique } from "../../engine/signal-shape.js";
import { chooseHierarchy } from "../../host/cgroup-hierarchy.js";
import type { Finding } from "../../host/finding.js";
import { requirements } from "../../host/requirements.js";
import { Identity } from "../../identity/identity.js";
import { messagesOf, messageOf } from "../../log/error-text.js";
import { Catalog } from "../../metrics/catalog.js";
import { defaultHost } from "../../sdk/host.js";
import type { RecordClass } from "../../binding/record.js";
import type { EventRecord, Ring, SignalHost, SignalLog } from "../../sdk/signal.js";
import { signals as builtIn } from "../../signals/index.js";
import { printFindings } from "../check/check.js";
import { printError } from "../print.js";
import { createLogger } from "../../log/logger.js";
import { logEarlyStrayErrors } from "../early-stray-errors.js";
import { logStrayErrors } from "../stray-errors.js";

const silent: SignalLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** As `run` has it with labels of containers, which costs the most. */
function fullHost(): SignalHost {
  return { ...defaultHost, cgroups: { hierarchy: chooseHierarchy("auto"), inRecords: true } };
}

function fail(check: string, detail: string): Finding {
  return { check, status: "fail", detail };
}

async function openModule(folder: string): Promise<OwnSignal> {
  logEarlyStrayErrors(folder);
  const [own] = await loadOwnSignals([folder]);
  checkUnique((own as OwnSignal).signal, builtIn);
  return own as OwnSignal;
}

/** The records whose layout the loader has compared with the object's. */
function layouts({ signal }: OwnSignal): Finding[] {
  const ring = signal.ring as Ring<EventRecord> | undefined;
  const records: readonly RecordClass[] = [...(ring === undefined ? [] : [ring.record]), ...(signal.records ?? [])];
  return records.map(({ struct, size }) => ({
    check: `record ${struct}`,
    status: "ok",
    detail: `${size} bytes, as decoded`,
  }));
}

function programs({ object, attachable }: Loaded): Finding[] {
  const sections = new Map(object.programs.map(({ name, section }) => [name, section]));
  return attachable.map((name) => {
    const { verifiedInstructions } = object.stats(name);
    const walked = verifiedInstructions === 0 ? "" : `, ${verifiedInstructions} instructions walked by the verifier`;
    return { check: `program ${name}`, status: "ok", detail: `${sections.get(name) ?? ""}${walked}` };
  });
}

function hooks({ hook, refused, lost, handlers }: Loaded): Finding[] {
  return [
    { check: "hook", status: "ok", detail: hook.name },
    ...(handlers.alone === undefined
      ? []
      : [{ check: "dispatch program", status: "warn", detail: `not used: ${handlers.alone}` } satisfies Finding]),
    ...refused.map(({ hook: better, error }): Finding => ({
      check: `hook ${better.name}`,
      status: "warn",
      detail: `refused: ${messagesOf(error)}`,
    })),
    ...lost.map(({ program, detail, error }): Finding => ({
      check: `program ${program}`,
      status: "warn",
      detail: `refused, without it no ${detail}: ${messagesOf(error)}`,
    })),
  ];
}

/** Shows on stderr what libbpf and the verifier have printed about a program: its author needs more than an errno. */
function showVerifierLog(error: unknown): void {
  const logs =
    error instanceof LoadError ? error.refused.map((refused) => (refused.error as Partial<NativeError>).log ?? "") : [];
  for (const log of logs.filter((text) => text !== "")) {
    printError(`${log.trimEnd()}\n`);
  }
}

/** Loads, starts and attaches it, and takes it out again. */
function tryOut(own: OwnSignal): Finding[] {
  const { signal } = own;
  const check = `signal ${signal.name}`;
  const catalog = new Catalog();
  const identity = new Identity(catalog, []);
  let findings: Finding[] = [];
  let running: RunningSignal | undefined;
  try {
    running = attachBest(signal, { host: fullHost() }, (loaded) => {
      findings = [...hooks(loaded), ...layouts(own), ...programs(loaded)];
      return new RunningSignal(loaded, { catalog, identity, log: silent });
    });
    const { loaded } = running;
    const { maps, tables } = running.memoryAtLimit();
    const metrics = [...catalog].map(({ name }) => name);
    const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)}MiB`;
    return [
      ...findings,
      { check: "metrics", status: "ok", detail: metrics.join(", ") || "none" },
      {
        check: "memory",
        status: "ok",
        detail: `at most ${mebibytes(maps)} in kernel maps, ${mebibytes(tables + catalog.memoryAtLimit)} for the agent`,
      },
      { check, status: "ok", detail: `${loaded.attachable.length} attached: ${loaded.attachable.join(", ")}` },
    ];
  } catch (error) {
    showVerifierLog(error);
    return [...findings, fail(check, messagesOf(error))];
  } finally {
    running?.loaded.close();
  }
}

/** All that there is to find out about the signal in a folder. */
async function findingsOf(folder: string): Promise<Finding[]> {
  let own: OwnSignal;
  try {
    own = await openModule(folder);
  } catch (error) {
    return [fail("module", messageOf(error))];
  }
  logStrayErrors({ own: new Map([[own.signal.name, own]]) }, createLogger("error", "logfmt"));
  const module: Finding = { check: "module", status: "ok", detail: `${own.entry}: ${own.signal.summary}` };
  const missing = requirements().find(({ status }) => status === "fail");
  return missing === undefined
    ? [module, ...tryOut(own)]
    : [module, missing, fail(`signal ${own.signal.name}`, `not tried, for want of ${missing.check}`)];
}

/** Prints the findings; the exit status is 1 when the signal does not work here. */
export async function checkOwnSignal(folder: string, output: "table" | "json"): Promise<void> {
  const findings = await findingsOf(folder);
  printFindings(findings, output);
  process.exitCode = findings.some(({ status }) => status === "fail") ? 1 : 0;
}
