/** Completion for fish. */
import { firstWords, pathKind, type TreeArgument, type TreeCommand, type TreeFlag } from "./command-tree.js";

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}

function valueArguments({ placeholder, isList, words }: TreeFlag): string[] {
  if (placeholder === "") {
    return [];
  }
  if (words.length > 0) {
    return ["-x", `-a ${quoted(isList ? `(__fish_append , ${words.join(" ")})` : words.join(" "))}`];
  }
  return pathArguments(placeholder) ?? ["-x"];
}

function pathArguments(placeholder: string): string[] | undefined {
  switch (pathKind(placeholder)) {
    case "file":
      return ["-r", "-F"];
    case "folder":
      return ["-x", "-a", quoted("(__fish_complete_directories (commandline -ct))")];
    case undefined:
      return undefined;
  }
}

function argumentLine(within: string, { name, text, words }: TreeArgument): string[] {
  const values = words.length > 0 ? ["-x", `-a ${quoted(words.join(" "))}`] : pathArguments(text);
  return values === undefined ? [] : [`complete -c ringtap ${within} ${values.join(" ")} -d ${quoted(name)}`];
}

/** The condition that holds behind the name of a command. */
function behind(name: string): string {
  const words = name.split(" ").map((word) => `__fish_seen_subcommand_from ${word}`);
  return `-n ${quoted(words.join("; and "))}`;
}

function subcommandLines([first, subcommands]: readonly [string, readonly TreeCommand[]]): string[] {
  const names = subcommands.map(({ name }) => name.split(" ")[1] ?? "");
  const condition = `__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${names.join(" ")}`;
  return subcommands.length === 0
    ? []
    : [
        `complete -c ringtap -n __fish_use_subcommand -a ${first} -d ${quoted(subcommands[0]?.group ?? "")}`,
        ...subcommands.map(
          ({ summary }, at) => `complete -c ringtap -n ${quoted(condition)} -a ${names[at]} -d ${quoted(summary)}`,
        ),
      ];
}

function commandLines({ name, summary, arguments: positional, flags }: TreeCommand): string[] {
  const within = behind(name);
  const flagLines = flags.map((flag) =>
    [`complete -c ringtap ${within} -l ${flag.flag.slice(2)}`, ...valueArguments(flag), `-d ${quoted(flag.help)}`].join(
      " ",
    ),
  );
  return [
    ...(name.includes(" ") ? [] : [`complete -c ringtap -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`]),
    ...positional.flatMap((argument) => argumentLine(within, argument)),
    ...flagLines,
    `complete -c ringtap ${within} -l help -d 'show the help of the command'`,
  ];
}

/** The completion script, for ~/.config/fish/completions/ringtap.fish. */
export function fishCompletion(commands: readonly TreeCommand[]): string {
  return [
    "# fish completion of ringtap: ringtap completion fish | source",
    "complete -c ringtap -f",
    ...[...firstWords(commands)].flatMap(subcommandLines),
    ...commands.flatMap(commandLines),
    "",
  ].join("\n");
}
