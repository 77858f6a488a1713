/** Completion for fish. */
import type { TreeCommand, TreeFlag } from "./command-tree.js";

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
  return placeholder === "<file>" ? ["-r", "-F"] : ["-x"];
}

function commandLines({ name, summary, argument, flags }: TreeCommand): string[] {
  const within = `-n ${quoted(`__fish_seen_subcommand_from ${name}`)}`;
  const flagLines = flags.map((flag) =>
    [`complete -c ringtap ${within} -l ${flag.flag.slice(2)}`, ...valueArguments(flag), `-d ${quoted(flag.help)}`].join(
      " ",
    ),
  );
  return [
    `complete -c ringtap -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`,
    ...(argument === undefined
      ? []
      : [`complete -c ringtap ${within} -a ${quoted(argument.words.join(" "))} -d ${quoted(argument.name)}`]),
    ...flagLines,
    `complete -c ringtap ${within} -l help -d 'show the help of the command'`,
  ];
}

/** The completion script, for ~/.config/fish/completions/ringtap.fish. */
export function fishCompletion(commands: readonly TreeCommand[]): string {
  return [
    "# fish completion of ringtap: ringtap completion fish | source",
    "complete -c ringtap -f",
    ...commands.flatMap(commandLines),
    "",
  ].join("\n");
}
