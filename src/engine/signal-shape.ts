/** Is an object a Signal? Those of users come from JavaScript, where no compiler has said so. */
import { type RecordClass, RecordView } from "../binding/record.js";
import { escapeControls, messageOf } from "../log/error-text.js";
import { quote } from "../log/logger-text.js";
import { type AnySignal, type HookSet, signalApi } from "../sdk/signal.js";
import { syscallIndexes } from "../sdk/syscall-names.js";

const namePattern = /^[a-z][a-z0-9_]{0,31}$/;
const flagPattern = /^[a-z][a-z0-9]*([.-][a-z0-9]+)*$/;

function refuse(problem: string): never {
  throw new Error(problem);
}

function text(value: unknown): string {
  return typeof value === "string" ? quote(value) : messageOf(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** Text that a terminal shows as it is: neither a new line nor an escape is in it. */
function isLine(value: unknown): value is string {
  return typeof value === "string" && value !== "" && escapeControls(value) === value;
}

function isText(value: unknown): value is string {
  return value === "" || isLine(value);
}

function areLines(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isLine);
}

function isDecoder(value: unknown): boolean {
  return typeof value === "function" && value.prototype instanceof RecordView && "layout" in value;
}

function isStringList(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function checkFlags(flags: unknown): void {
  if (!isObject(flags)) {
    return refuse("flags: want a table of flags made by single(), list(), toggle() and the like");
  }
  const names = new Set<unknown>();
  const variables = new Set<string>();
  for (const [key, flag] of Object.entries(flags)) {
    if (!isObject(flag) || typeof flag.read !== "function" || typeof flag.split !== "function" || !isLine(flag.help)) {
      refuse(`flag ${key}: want one made by single(), list(), toggle() and the like`);
    }
    if (
      !["single", "list", "switch"].includes(String(flag.kind)) ||
      (flag.placeholder !== "" && !isLine(flag.placeholder))
    ) {
      refuse(`flag ${text(key)}: kind ${text(flag.kind)}: want one made by single(), list(), toggle() and the like`);
    }
    if (!isStringList(flag.fallback) || !(flag.fallback as string[]).every(isText) || !areLines(flag.words)) {
      refuse(`flag ${text(key)}: its default and words: want lists of texts in one line`);
    }
    if (typeof flag.name !== "string" || !flagPattern.test(flag.name)) {
      refuse(`flag ${key}: its name ${text(flag.name)}: want lower-case words with dashes between them`);
    }
    if (names.has(flag.name)) {
      refuse(`flag ${key}: its name ${text(flag.name)} is that of another flag`);
    }
    const variable = flag.name.replaceAll(".", "-");
    if (variables.has(variable)) {
      refuse(`flag ${key}: its name ${text(flag.name)} has the environment variable of another flag`);
    }
    names.add(flag.name);
    variables.add(variable);
    try {
      (flag.read as (texts: unknown) => unknown)(flag.fallback);
    } catch (error) {
      refuse(`flag ${key}: its default: ${messageOf(error)}`);
    }
  }
  for (const flag of Object.values(flags) as { readonly name: string; readonly kind: string }[]) {
    if (flag.kind === "switch" && names.has(`no-${flag.name}`)) {
      refuse(
        `flag no-${flag.name}: --no-<signal>.${flag.name} turns the flag ${text(flag.name)} off: want another name`,
      );
    }
  }
}

function checkRing(ring: unknown): void {
  if (!isObject(ring) || !isDecoder(ring.record)) {
    return refuse("ring: record: want a class of the generated records.js");
  }
  const { size } = ring.record as RecordClass;
  const { shortest = size } = ring;
  if (typeof shortest !== "number" || !Number.isInteger(shortest) || shortest < 8 || shortest > size) {
    refuse(`ring: shortest: ${text(shortest)}: want whole bytes from 8 to the ${size} of the record`);
  }
}

function checkHooks(hooks: unknown): void {
  if (
    !Array.isArray(hooks) ||
    hooks.length === 0 ||
    !hooks.every(
      (hook) =>
        isObject(hook) &&
        isLine(hook.name) &&
        isStringList(hook.without) &&
        (hook.compat === undefined || isStringList(hook.compat)),
    )
  ) {
    return refuse("hooks: want a list of { name, without }, best first");
  }
  const names = (hooks as HookSet[]).map(({ name }) => name);
  const twin = names.find((name, at) => names.indexOf(name) !== at);
  if (twin !== undefined) {
    refuse(`hooks: the name ${text(twin)} is that of two hook sets`);
  }
}

function checkOptional(optional: unknown): void {
  if (!isObject(optional) || Array.isArray(optional) || !Object.values(optional).every(isLine)) {
    refuse("optional: want a table of what is lost, in one line each, by program");
  }
}

function checkSyscalls(syscalls: unknown): void {
  if (!areLines(syscalls) || syscalls.length === 0) {
    return refuse("syscalls: want a list of names of system calls, or none of it for every call");
  }
  try {
    syscalls.forEach(syscallIndexes);
  } catch (error) {
    refuse(`syscalls: ${messageOf(error)}`);
  }
}

function checkTrace(trace: unknown): void {
  if (
    !isObject(trace) ||
    typeof trace.fields !== "function" ||
    !isObject(trace.types) ||
    !isStringList(trace.outcome) ||
    !Array.isArray(trace.columns)
  ) {
    return refuse("trace: want types, outcome, columns and fields()");
  }
  if (
    !trace.columns.every(
      (column) =>
        isObject(column) && isText(column.field) && isText(column.heading) && typeof column.width === "number",
    )
  ) {
    refuse("trace: columns: want a list of { field, heading, width }");
  }
  if (![...Object.keys(trace.types), ...(trace.outcome as string[])].every(isLine)) {
    refuse("trace: types and outcome: want names of fields in one line each");
  }
  if (trace.failed !== undefined && typeof trace.failed !== "function") {
    refuse("trace: failed: want a function");
  }
}

/** Throws when it is no {@link Views}. */
export function checkViews(views: unknown): void {
  const lists = isObject(views) ? [views.columns ?? [], views.latencies ?? []] : refuse("views: want an object");
  for (const list of lists) {
    if (!Array.isArray(list) || !list.every((view) => isObject(view) && isLine(view.key) && isLine(view.metric))) {
      refuse("views: columns and latencies: want lists of { key, metric, … }");
    }
  }
}

/** Throws an error that says what is wrong with it, without a name in front. */
export function checkSignal(value: unknown): asserts value is AnySignal {
  const signal = isObject(value) ? value : refuse("is no object");
  const { api, name, summary, object, ring, records = [], hooks, optional, flags, trace } = signal;
  if (api !== signalApi) {
    refuse(`api: ${text(api)}: this ringtap runs signals of api ${signalApi}`);
  }
  if (typeof name !== "string" || !namePattern.test(name)) {
    refuse(`name: ${text(name)}: want a lower-case letter, then up to 31 lower-case letters, digits and _`);
  }
  if (!isLine(summary)) {
    refuse(`summary: ${text(summary)}: want one line`);
  }
  const isFile = object instanceof URL && object.protocol === "file:";
  if (!(isFile || object instanceof Uint8Array || typeof object === "function")) {
    refuse("object: want objectFile(import.meta.url, name), a file: URL, or the object's bytes");
  }
  if (typeof signal.start !== "function") {
    refuse("start: want a function");
  }
  for (const key of ["setup", "validate", "depths", "attachesLater"]) {
    if (signal[key] !== undefined && typeof signal[key] !== "function") {
      refuse(`${key}: want a function`);
    }
  }
  if (ring !== undefined) {
    checkRing(ring);
  }
  if (!Array.isArray(records) || !records.every(isDecoder)) {
    refuse("records: want classes of the generated records.js");
  }
  if (hooks !== undefined) {
    checkHooks(hooks);
  }
  if (optional !== undefined) {
    checkOptional(optional);
  }
  if (signal.syscalls !== undefined) {
    checkSyscalls(signal.syscalls);
  }
  if (flags !== undefined) {
    checkFlags(flags);
  }
  if (trace !== undefined) {
    checkTrace(trace);
  }
  if (signal.views !== undefined) {
    checkViews(signal.views);
  }
}

/** The names by which signals share one space: each may have only one owner. */
function viewKeys({ views }: AnySignal): string[] {
  return [...(views?.columns ?? []), ...(views?.latencies ?? [])].map(({ key }) => key);
}

/** Throws when a signal's name, or the key of one of its views, is another signal's. */
export function checkUnique(signal: AnySignal, others: readonly AnySignal[]): void {
  for (const other of others) {
    if (other.name === signal.name) {
      refuse(`there is a signal ${signal.name} already`);
    }
    const taken = viewKeys(signal).find((key) => viewKeys(other).includes(key));
    if (taken !== undefined) {
      refuse(`views: the key ${text(taken)} is one of the signal ${other.name}`);
    }
  }
}
