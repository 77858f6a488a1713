/** Completion for zsh. */
import { firstWords, pathKind, type TreeArgument, type TreeCommand, type TreeFlag } from "./command-tree.js";

/** Text within single quotes, as part of a specification of _arguments, where colons and brackets mean something. */
function specText(text: string): string {
  return text.replace(/[\\[\]:]/g, "\\$&").replaceAll("'", "'\\''");
}

function valueSpec({ placeholder, isList, words }: TreeFlag): string {
  if (placeholder === "") {
    return "";
  }
  const name = specText(placeholder.slice(1, -1));
  if (words.length > 0) {
    return isList ? `:${name}:_sequence compadd - ${words.join(" ")}` : `:${name}:(${words.join(" ")})`;
  }
  return `:${name}:${pathAction(placeholder)}`;
}

function pathAction(placeholder: string): string {
  return { file: "_files", folder: "_files -/", none: " " }[pathKind(placeholder) ?? "none"];
}

function argumentSpec({ name, text, words }: TreeArgument, index: number): string {
  const action = words.length > 0 ? `(${words.join(" ")})` : pathAction(text);
  return `'${index + 1}:${text.startsWith("[") ? ":" : ""}${specText(name)}:${action}'`;
}

/** A flag that takes a list may be repeated. */
function flagSpec(flag: TreeFlag): string {
  const equals = flag.placeholder === "" ? "" : "=";
  return `'${flag.isList ? "*" : ""}${flag.flag}${equals}[${specText(flag.help)}]${valueSpec(flag)}'`;
}

function commandCase({ name, arguments: positional, flags }: TreeCommand): string {
  const specs = [...flags.map(flagSpec), "'--help[show the help of the command]'", ...positional.map(argumentSpec)];
  return `    '${name}')\n      _arguments \\\n        ${specs.join(" \\\n        ")}\n      ;;`;
}

/** The completion script, which may also lie in a folder of $fpath as _ringtap. */
export function zshCompletion(commands: readonly TreeCommand[]): string {
  const groups = [...firstWords(commands)];
  const described = (name: string, summary: string): string => `    '${name}:${specText(summary)}'`;
  const names = groups.map(([first, subcommands]) =>
    described(
      first,
      subcommands.length > 0
        ? (subcommands[0]?.group ?? "")
        : (commands.find(({ name }) => name === first)?.summary ?? ""),
    ),
  );
  const subcommandCases = groups
    .filter(([, subcommands]) => subcommands.length > 0)
    .map(
      ([first, subcommands]) => `    ${first})
      if ((CURRENT == 2)); then
        commands=(
${subcommands.map(({ name, summary }) => `      ${described(name.split(" ")[1] ?? "", summary)}`).join("\n")}
        )
        _describe command commands
        return
      fi
      command="$words[1] $words[2]"
      shift words
      ((CURRENT--))
      ;;`,
    );
  return `#compdef ringtap
# zsh completion of ringtap: source <(ringtap completion zsh)

_ringtap() {
  local -a commands
  local command
  commands=(
${names.join("\n")}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  shift words
  ((CURRENT--))
  command=$words[1]
  case $command in
${subcommandCases.join("\n")}
  esac
  case $command in
${commands.map(commandCase).join("\n")}
  esac
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _ringtap "$@"
else
  compdef _ringtap ringtap
fi
`;
}
