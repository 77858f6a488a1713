/** Completion for zsh. */
import type { TreeCommand, TreeFlag } from "./command-tree.js";

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
  return `:${name}:${placeholder === "<file>" ? "_files" : " "}`;
}

/** A flag that takes a list may be repeated. */
function flagSpec(flag: TreeFlag): string {
  const equals = flag.placeholder === "" ? "" : "=";
  return `'${flag.isList ? "*" : ""}${flag.flag}${equals}[${specText(flag.help)}]${valueSpec(flag)}'`;
}

function commandCase({ name, argument, flags }: TreeCommand): string {
  const specs = [
    ...flags.map(flagSpec),
    "'--help[show the help of the command]'",
    ...(argument === undefined ? [] : [`'1:${specText(argument.name)}:(${argument.words.join(" ")})'`]),
  ];
  return `    ${name})\n      _arguments \\\n        ${specs.join(" \\\n        ")}\n      ;;`;
}

/** The completion script, which may also lie in a folder of $fpath as _ringtap. */
export function zshCompletion(commands: readonly TreeCommand[]): string {
  const names = commands.map(({ name, summary }) => `    '${name}:${specText(summary)}'`);
  return `#compdef ringtap
# zsh completion of ringtap: source <(ringtap completion zsh)

_ringtap() {
  local -a commands
  commands=(
${names.join("\n")}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  shift words
  ((CURRENT--))
  case $words[1] in
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
