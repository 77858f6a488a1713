/** Parsers of flag values. Each throws a FlagError that quotes the text and says what is accepted. */
import { quote } from "../log/logger-text.js";
import { FlagError, type Parse } from "./flags.js";
import { suggestion } from "../config/suggest.js";
import { syscallNames, syscallNumber } from "./syscall-names.js";

/** Refuses a value: `"text": expectation`. */
export function refuse(text: string, expectation: string): never {
  throw new FlagError(`${quote(text)}: ${expectation}`);
}

/** One of a few words. */
export function oneOf<Word extends string>(words: readonly Word[]): Parse<Word> {
  const parse = (text: string): Word =>
    words.find((word) => word === text) ??
    refuse(text, `expected ${words.length > 1 ? "one of " : ""}${words.join(", ")}${suggestion(text, words)}`);
  return Object.assign(parse, { words });
}

/** A whole number between two bounds, both included. */
export function wholeNumber(lowest: number, highest: number): Parse<number> {
  return (text) => {
    const number = /^\d+$/.test(text) ? Number(text) : NaN;
    return number >= lowest && number <= highest
      ? number
      : refuse(text, `expected a whole number from ${lowest} to ${highest}`);
  };
}

/** A number with a unit, such as `1.5s`, in what `per` has of each unit; NaN for any other text. */
export function quantity(text: string, per: Readonly<Record<string, number>>): number {
  const [, amount = "", unit = ""] = /^(\d+(?:\.\d+)?)(\D*)$/.exec(text) ?? [];
  return amount !== "" && Object.hasOwn(per, unit) ? Number(amount) * (per[unit] as number) : NaN;
}

const nanosecondsPer: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9 };
const longestDuration = 3600e9;

/** A duration such as `250ns`, `100us`, `10ms`, `1.5s` or `2m`, up to an hour, in nanoseconds. */
export const duration: Parse<number> = Object.assign(
  (text: string): number => {
    const nanoseconds = Math.round(quantity(text, nanosecondsPer));
    return nanoseconds <= longestDuration
      ? nanoseconds
      : refuse(text, "expected a number with a unit (ns, us, ms, s, m), at most 60m");
  },
  { write: (nanoseconds: number) => `${nanoseconds}ns` },
);

/** A system call's name, as the label `syscall` shows it. */
export function syscallNameOf(text: string): string {
  return syscallNumber(text) === undefined
    ? refuse(
        text,
        `expected the name of a system call on this machine, such as openat or compat_openat${suggestion(text, syscallNames())}`,
      )
    : text;
}

/** TASK_COMM_LEN of include/linux/sched.h, less the terminating zero. */
const longestComm = 15;

/** A process's comm as the kernel keeps it. */
export function commOf(text: string): string {
  const bytes = Buffer.byteLength(text);
  return bytes > 0 && bytes <= longestComm
    ? text
    : refuse(text, `expected a process name of 1 to ${longestComm} bytes, as /proc/<pid>/comm shows it`);
}

/** PID_MAX_LIMIT of include/linux/threads.h on 64-bit machines; pids stay below it. */
export const pidOf = wholeNumber(1, 4 * 1024 * 1024 - 1);
