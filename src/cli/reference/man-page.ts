/** The man page, made of the commands themselves. */
import type { TreeCommand, TreeFlag } from "./command-tree.js";
import { environmentVariable } from "../flags/environment.js";
import type { Example } from "./examples.js";

/** When the prose below was last changed. */
const date = "2026-11-29";

/** Text that roff takes for nothing else: no escapes, no requests, hyphens that can be copied. */
function plain(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^[.']/gm, "\\&$&");
}

function flagItem({ flag, placeholder, help }: TreeFlag): string[] {
  const value = placeholder === "" ? "" : ` \\fI${plain(placeholder)}\\fR`;
  return [".TP", `\\fB${plain(flag)}\\fR${value}`, plain(help)];
}

function exampleItem({ what, command }: Example): string[] {
  return [".TP", `\\fB${plain(command)}\\fR`, plain(what)];
}

function commandSection({ name, summary, arguments: positional, flags, examples }: TreeCommand): string[] {
  const usage = [`ringtap ${name}`, ...positional.map(({ text }) => text), "[options]"].join(" ");
  return [
    `.SS ${plain(usage)}`,
    plain(`${summary}.`),
    ...positional.flatMap(({ text, help }) => [".TP", `\\fI${plain(text)}\\fR`, plain(help)]),
    ...flags.flatMap(flagItem),
    ...(examples.length === 0 ? [] : [".PP", "Examples:", ...examples.flatMap(exampleItem)]),
  ];
}

/** The page in roff, by the macros of man(7). */
export function manPage(commands: readonly TreeCommand[], version: string): string {
  const lines = [
    `.TH RINGTAP 1 ${date} "ringtap ${version}" "User Commands"`,
    ".SH NAME",
    plain("ringtap - eBPF observability agent"),
    ".SH SYNOPSIS",
    ...commands.flatMap(({ name }) => [`.B ringtap ${name}`, "[\\fIoptions\\fR]", ".br"]).slice(0, -1),
    ".SH DESCRIPTION",
    plain("ringtap counts what processes do, by eBPF programs on tracepoints of the kernel: TCP connections, system"),
    plain(
      "calls, files opened, processes. It serves the counts as Prometheus metrics, and shows the events themselves.",
    ),
    ".SH COMMANDS",
    ...commands.flatMap(commandSection),
    ".SH ENVIRONMENT",
    plain("Each flag can be set in the environment:"),
    `\\fB${plain("--web.listen-address")}\\fR by \\fB${plain(environmentVariable("web.listen-address"))}\\fR.`,
    plain("The command line goes before it. An empty variable counts as unset."),
    ".TP",
    "\\fBNO_COLOR\\fR",
    plain("no colours, unless --color says otherwise"),
    ".SH SIGNALS OF YOUR OWN",
    plain(
      "--signals.path names folders of signals that are run beside the built-in ones, with the rights of ringtap itself;",
    ),
    plain(
      "each must belong to root or to ringtap's user, and be writable by no one else. Their flags are --<signal>.<flag>.",
    ),
    ".SH EXIT STATUS",
    plain(
      "0 when all went well; 1 when ringtap could not do it; 2 when a flag, its value or the configuration is not valid.",
    ),
    `\\fBringtap check\\fR has its own: ${plain("0 when all signals work, 1 when some do, 2 when none does.")}`,
    ".SH SEE ALSO",
    `.BR bpftool (8),`,
    `.BR bpf (2)`,
  ];
  return `${lines.join("\n")}\n`;
}
