/** The tables of flags in README.md and docs/flags.md against the commands themselves. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Command } from "commander";

import { addCheckCommand } from "../../src/cli/check/check.js";
import { addCountCommands } from "../../src/cli/count/count.js";
import { environmentVariable } from "../../src/cli/flags/environment.js";
import { addRunCommand } from "../../src/cli/run/run.js";
import { addTopCommand } from "../../src/cli/top/top.js";
import { addTraceCommand } from "../../src/cli/trace/trace.js";
import { configFile, runOptions } from "../cli/run/run-options.js";
import { codeRows, fences, readDocument, section } from "./documents.js";

const program = new Command();
addRunCommand(program);
addTraceCommand(program);
addTopCommand(program);
addCheckCommand(program);
addCountCommands(program);

interface ShownFlag {
  /** `--name <value>` */
  readonly flag: string;
  readonly fallback: string;
}

/** The flags that a command's help shows, by what the help says. */
function shownFlags(name: string): readonly ShownFlag[] {
  const command = program.commands.find((candidate) => candidate.name() === name);
  assert(command !== undefined, `no command ${name}`);
  return command.options
    .filter((option) => !option.hidden)
    .map((option) => ({
      flag: option.flags,
      fallback: /\(default: (.*)\)$/.exec(option.description)?.[1] ?? "",
    }));
}

const flagsPage = readDocument("docs/flags.md");

for (const command of ["run", "trace", "top", "check"]) {
  describe(`docs/flags.md, ringtap ${command}`, () => {
    const rows = codeRows(section(flagsPage, `## ringtap ${command}`));

    it("has the flags of the help, with their defaults, in its order", () => {
      const written = rows.map(([flag, , fallback]) => ({ flag, fallback }));
      assert.deepEqual(written, shownFlags(command));
    });

    it("names the environment variables", () => {
      for (const [flag = "", , , variable] of rows) {
        const [, name = ""] = /^--(\S+)/.exec(flag) ?? [];
        assert.equal(variable, environmentVariable(name), flag);
      }
    });
  });
}

describe("docs/flags.md, ringtap count and hist", () => {
  const rows = codeRows(section(flagsPage, "## ringtap count"));

  it("has the flags of both, with their defaults", () => {
    const written = rows.map(([flag, , fallback]) => JSON.stringify([flag, fallback]));
    const shown = [...shownFlags("count"), ...shownFlags("hist")].map(({ flag, fallback }) =>
      JSON.stringify([flag, fallback]),
    );
    assert.deepEqual(written.toSorted(), [...new Set(shown)].toSorted());
  });

  it("names the environment variables, which all have but where to listen", () => {
    for (const [flag = "", , , variable] of rows) {
      const [, name = ""] = /^--(\S+)/.exec(flag) ?? [];
      assert.equal(variable, name === "web.listen-address" ? "" : environmentVariable(name), flag);
    }
  });
});

describe("docs/flags.md", () => {
  it("names the keys of the configuration file, which are the flags' names", () => {
    for (const [flag = "", , , , key] of codeRows(section(flagsPage, "## ringtap run"))) {
      const [, name = ""] = /^--(\S+)/.exec(flag) ?? [];
      assert.equal(key, name === "config.file" ? "" : name, flag);
    }
  });

  it("shows a configuration file that works", (test) => {
    const [example] = fences(flagsPage).filter(({ language }) => language === "yaml");
    assert(example !== undefined);
    const options = runOptions(["--config.file", configFile(test, example.code)]);
    assert.deepEqual(options.signals, ["tcp", "file"]);
    assert.equal(options.ringSize, 8 * 2 ** 20);
    assert.equal(options.logFormat, "json");
  });
});

describe("README.md", () => {
  it("has the flags of run with their defaults", () => {
    const rows = codeRows(section(readDocument("README.md"), "## Flags"));
    assert.deepEqual(
      rows.map(([flag, fallback]) => ({ flag, fallback })),
      shownFlags("run"),
    );
  });
});

describe("docs/trace.md", () => {
  it("has the flags of trace, and no others", () => {
    const written = Array.from(section(readDocument("docs/trace.md"), "## Flags").matchAll(/^\|.*$/gm), ([row]) =>
      Array.from(row.split(/(?<!\\)\|/)[1]?.matchAll(/`(--[\w.-]+)/g) ?? [], ([, name]) => name),
    ).flat();
    const shown = shownFlags("trace").map(({ flag }) => flag.split(" ")[0]);
    assert.deepEqual(written.toSorted(), shown.toSorted());
  });
});
