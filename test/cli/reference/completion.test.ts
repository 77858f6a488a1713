/** What bash, zsh and fish themselves complete with the scripts. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";

import { commandTree, firstWords } from "../../../src/cli/reference/command-tree.js";
import { completionScript } from "../../../src/cli/reference/completion.js";
import { createProgram } from "../../../src/cli/program.js";

const tree = commandTree(await createProgram());
const folder = mkdtempSync(join(tmpdir(), "ringtap-completion-"));
after(() => {
  rmSync(folder, { recursive: true });
});
writeFileSync(join(folder, "web.yaml"), "");
mkdirSync(join(folder, "my-signal"));

function script(shell: string): string {
  const path = join(folder, `ringtap.${shell}`);
  writeFileSync(path, completionScript(shell, tree));
  return path;
}

const paths = { bash: script("bash"), zsh: script("zsh"), fish: script("fish") };

function run(file: string, args: readonly string[]): string[] {
  const output = execFileSync(file, args, {
    encoding: "utf8",
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, LC_ALL: "C.UTF-8", TERM: "xterm" },
  });
  return output.split(/\r?\n/).filter((line) => line !== "");
}

/** What each shell offers behind a line, by its own means. */
const complete: Readonly<Record<keyof typeof paths, (line: string) => string[]>> = {
  // Words as readline makes them: `=` is one of its own.
  bash(line) {
    const code = `source "$1"; read -ra COMP_WORDS <<<"\${2//=/ = }"; [[ $2 != *[\\ =] ]] || COMP_WORDS+=("")
      COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); $(complete -p ringtap | sed 's/.*-F \\([^ ]*\\).*/\\1/'); printf '%s\\n' "\${COMPREPLY[@]}"`;
    return run("bash", ["--norc", "-c", code, "bash", paths.bash, line]);
  },
  // An interactive zsh on a terminal of its own lists what it finds.
  zsh(line) {
    const code = `zmodload zsh/zpty; zpty z zsh -f -i
      zpty -w z "PS1= PS2=; stty -echo; autoload -U compinit; compinit -u -D; source $1; LISTMAX=1000; zstyle ':completion:*' list-colors no=; setopt no_always_last_prompt; bindkey '^I' list-choices; print READY"
      zpty -r -m z text '*READY*READY*'
      zpty -w -n z $'$2\\t'; sleep 0.5; zpty -w -n z $'\\x15print DONE\\n'
      zpty -r -m z text '*DONE*'; print -r -- $text`;
    return run("zsh", ["-f", "-c", code.replace("$2", line).replace("$1", paths.zsh)]);
  },
  fish(line) {
    return run("fish", ["--no-config", "-c", `source ${paths.fish}; complete -C ${JSON.stringify(line)}`]);
  },
};

for (const shell of ["bash", "fish"] as const) {
  describe(shell, () => {
    /** The words offered, without what a shell says about them. */
    const offered = (line: string): string[] => complete[shell](line).map((text) => text.split("\t")[0] ?? "");

    test("completes commands", () => {
      assert.deepEqual(
        [...firstWords(tree).keys()].filter((name) => !offered("ringtap ").includes(name)),
        [],
      );
      assert.deepEqual(
        offered("ringtap signal ")
          .filter((word) => ["new", "build", "check"].includes(word))
          .sort(),
        ["build", "check", "new"],
      );
      assert.deepEqual(offered("ringtap che"), ["check"]);
    });

    for (const { name, flags } of tree) {
      test(`completes every flag of ${name}`, () => {
        const found = offered(`ringtap ${name} --`);
        assert.deepEqual(
          flags.map(({ flag }) => flag).filter((flag) => !found.includes(flag)),
          [],
        );
      });
    }

    test("completes arguments and values, also behind =, and the last item of a list", () => {
      assert.deepEqual(offered("ringtap trace t"), ["tcp"]);
      assert.deepEqual(offered("ringtap completion z"), ["zsh"]);
      assert.deepEqual(offered("ringtap trace tcp --output ").sort(), ["json", "table"]);
      assert.match(offered("ringtap trace tcp --output=j").join(), /^(--output=)?json$/);
      assert.match(offered("ringtap run --signals tcp,fi").join(), /^tcp,file$/);
      assert.deepEqual(offered("ringtap run --web.config.file web"), ["web.yaml"]);
      assert.deepEqual(offered("ringtap run --series-limit "), []);
      assert.match(offered("ringtap run --signals.path my").join(), /^my-signal\/?$/);
      assert.match(offered("ringtap signal build my").join(), /^my-signal\/?$/);
      assert.deepEqual(offered("ringtap signal check my-signal --output ").sort(), ["json", "table"]);
    });
  });
}

describe("zsh", () => {
  test("completes commands, arguments, flags and values", () => {
    for (const [line, ...words] of [
      ["ringtap ", "run", "trace", "check", "completion"],
      ["ringtap trace ", "tcp", "syscall", "file"],
      ["ringtap trace tcp --s", "--sample", "--slow", "--syscall.names"],
      ["ringtap trace tcp --output ", "table", "json"],
      ["ringtap trace tcp --output=", "table", "json"],
      ["ringtap run --signals tcp,f", "file"],
      ["ringtap run --config.file w", "web.yaml"],
      ["ringtap run --signals.path m", "my-signal"],
      ["ringtap signal ", "new", "build", "check"],
      ["ringtap signal build m", "my-signal"],
      ["ringtap signal check --o", "--output"],
    ] as const) {
      const shown = complete.zsh(line).join("\n");
      for (const word of words) {
        assert(shown.includes(word), `${line}: ${shown}`);
      }
      assert.doesNotMatch(shown, /_arguments|not found|bad /);
    }
  });
});

test("a shell that is not known is refused", () => {
  assert.throws(() => completionScript("zhs", tree), {
    name: "UsageError",
    message: 'completion "zhs": expected one of bash, zsh, fish (did you mean "zsh"?)',
  });
});
