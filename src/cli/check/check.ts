/** `ringtap check`: would `ringtap run` work here, and if not, why? */
import type { Command } from "commander";

import { kernelRelease, lockdown, lockedMemory, pidNamespace, ringBuffers } from "../../host/features.js";
import { Identity } from "../../identity/identity.js";
import type { Finding } from "../../host/finding.js";
import { cgroups, tracefs } from "../../host/mounts.js";
import { native } from "../../binding/native.js";
import { uprobes } from "../../host/privileges.js";
import { requirements } from "../../host/requirements.js";
import { timeNamespace } from "../../host/time-namespace.js";
import { Catalog } from "../../metrics/catalog.js";
import type { AnySignal } from "../../sdk/signal.js";
import { type Trial, trySignal } from "./signals.js";
import { environmentSource } from "../flags/environment.js";
import { escapeControls } from "../../log/error-text.js";
import { addExamples } from "../reference/examples.js";
import { budgetTexts, memoryBudget } from "../run/memory-budget.js";
import { addFlags, commandLineSource, readFlags } from "../flags/flags.js";
import { KnownSignals, ownSignalFlags } from "../flags/own-signals.js";
import { lineFlags } from "../flags/shared.js";
import { print } from "../print.js";
import { createLogger } from "../../log/logger.js";
import { logStrayErrors } from "../stray-errors.js";

/** What the machine has, and what this process may do. */
function machineFindings(essentials: readonly Finding[]): Finding[] {
  const isMet = (name: string): boolean => essentials.some(({ check, status }) => check === name && status === "ok");
  const mayAsk = isMet("privileges") && !essentials.some(({ check }) => check === "seccomp");
  return [
    kernelRelease(),
    ...essentials,
    lockdown(),
    // Those that lack privileges, or may not use them, get no true answer to these.
    ...(mayAsk ? [ringBuffers(), lockedMemory(), uprobes()] : []),
    ...(isMet("/proc") ? [tracefs(), cgroups(), pidNamespace(), timeNamespace()] : []),
    { check: "libbpf", status: "ok", detail: native.libbpfVersion },
    { check: "Node.js", status: "ok", detail: process.versions.node },
  ];
}

/** Whether each signal works; none is tried where the kernel's answer is known and says less than `essentials` do. */
function signalTrials(
  signals: readonly AnySignal[],
  essentials: readonly Finding[],
  catalog: Catalog,
  identity: Identity,
): Trial[] {
  const missing = essentials.find(({ status }) => status === "fail");
  return signals.map((signal) =>
    missing === undefined
      ? trySignal(signal, catalog, identity)
      : {
          finding: {
            check: `signal ${signal.name}`,
            status: "fail",
            detail: `not tried, for want of ${missing.check}`,
          },
        },
  );
}

/** What `run` takes at the most with the limits that it has by default; nothing where no signal works. */
function memory(trials: readonly Trial[], catalog: Catalog, identity: Identity): Finding[] {
  const working = trials.flatMap((trial) => trial.memory ?? []);
  if (working.length === 0) {
    return [];
  }
  const { kernel, agent } = budgetTexts(memoryBudget(catalog, identity, working));
  return [{ check: "memory", status: "ok", detail: `at most ${kernel} in kernel maps, ${agent} for the agent` }];
}

/** 0 when all signals work, 1 when some do, 2 when none does. */
function exitStatus(ofSignals: readonly Finding[]): number {
  const failed = ofSignals.filter(({ status }) => status === "fail").length;
  return failed === 0 ? 0 : failed < ofSignals.length ? 1 : 2;
}

function table(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.flatMap(({ check, status, detail, fix }) => [
    `${check.padEnd(width)}  ${status.padEnd(4)}  ${escapeControls(detail)}`,
    ...(fix === undefined ? [] : [`${"".padEnd(width + 8)}→ ${fix}`]),
  ]);
  return `${lines.join("\n")}\n`;
}

/** Prints findings as `--output` says. */
export function printFindings(findings: readonly Finding[], output: "table" | "json"): void {
  print(output === "table" ? table(findings) : findings.map((finding) => `${JSON.stringify(finding)}\n`).join(""));
}

function check(signals: readonly AnySignal[], output: "table" | "json"): void {
  const essentials = requirements();
  const catalog = new Catalog();
  const identity = new Identity(catalog, []);
  const trials = signalTrials(signals, essentials, catalog, identity);
  const ofSignals = trials.map(({ finding }) => finding);
  const findings = [...machineFindings(essentials), ...memory(trials, catalog, identity), ...ofSignals];
  printFindings(findings, output);
  process.exitCode = exitStatus(ofSignals);
}

/** Adds `check` to the program. */
export function addCheckCommand(program: Command, known = new KnownSignals()): void {
  const command = program.command("check").description("find out whether run would work here, and why not");
  addFlags(command, { ...lineFlags, ...ownSignalFlags });
  addExamples(command, [
    { what: "what works here, and what to do about the rest", command: "ringtap check" },
    {
      what: "what does not work, for programs",
      command: "ringtap check --output json | jq 'select(.status != \"ok\")'",
    },
  ]);
  command.action(() => {
    const { output } = readFlags(lineFlags, [commandLineSource(command), environmentSource(process.env)]);
    logStrayErrors(known, createLogger("error", "logfmt"));
    check(known.all, output);
  });
}
