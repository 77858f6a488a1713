/** Completion for bash. */
import { firstWords, pathKind, type TreeCommand, type TreeFlag } from "./command-tree.js";

/** What may follow a flag: `words a b`, `list a b`, `file`, `folder` or `none`; nothing after a switch. */
function valueOf({ placeholder, isList, words }: TreeFlag): string {
  if (words.length > 0) {
    return `${isList ? "list" : "words"} ${words.join(" ")}`;
  }
  return pathKind(placeholder) ?? "none";
}

/** What may stand as argument `index`, from 0, of a command. */
function argumentOf({ arguments: positional }: TreeCommand, index: number): string {
  const argument = positional[index];
  return argument === undefined || argument.words.length > 0
    ? `words ${argument?.words.join(" ") ?? ""}`.trimEnd()
    : (pathKind(argument.text) ?? "none");
}

/** The completion script; bash-completion is not needed. */
export function bashCompletion(commands: readonly TreeCommand[]): string {
  const groups = firstWords(commands);
  const subcommandCases = [...groups]
    .filter(([, subcommands]) => subcommands.length > 0)
    .map(
      ([first, subcommands]) =>
        `    ${first}) echo "${subcommands.map(({ name }) => name.split(" ")[1]).join(" ")}" ;;`,
    );
  const flagCases = commands.map(
    ({ name, flags }) => `    "${name}") echo "${[...flags.map(({ flag }) => flag), "--help"].join(" ")}" ;;`,
  );
  const argumentCases = commands.flatMap((command) =>
    command.arguments.map((_, index) => `    "${command.name} ${index}") echo "${argumentOf(command, index)}" ;;`),
  );
  const valueCases = commands.flatMap(({ name, flags }) =>
    flags
      .filter(({ placeholder }) => placeholder !== "")
      .map((flag) => `    "${name} ${flag.flag}") echo "${valueOf(flag)}" ;;`),
  );
  return `# bash completion of ringtap: source <(ringtap completion bash)

# The subcommands of a command, if it has any.
_ringtap_subcommands() {
  case "$1" in
${subcommandCases.join("\n")}
  esac
}

# The flags of a command.
_ringtap_flags() {
  case "$1" in
${flagCases.join("\n")}
  esac
}

# What may stand as an argument of a command, by its place.
_ringtap_argument() {
  case "$1 $2" in
${argumentCases.join("\n")}
  esac
}

# What may follow a flag of a command; nothing when it is a switch.
_ringtap_value() {
  case "$1 $2" in
${valueCases.join("\n")}
  esac
}

_ringtap() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} command=\${COMP_WORDS[1]} kind words prefix= first=2
  # Bash takes --flag=value for three words.
  if [[ $current == = ]]; then
    current=
  elif [[ $before == = ]]; then
    before=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W "${[...groups.keys()].join(" ")} help --help --version" -- "$current")
    return
  fi
  words=$(_ringtap_subcommands "$command")
  if [[ -n $words ]]; then
    if ((COMP_CWORD == 2)); then
      mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
      return
    fi
    command="$command \${COMP_WORDS[2]}" first=3
  fi
  read -r kind words < <(_ringtap_value "$command" "$before")
  if [[ -z $kind && $current != -* ]]; then
    read -r kind words < <(_ringtap_argument "$command" $((COMP_CWORD - first)))
  fi
  case "$kind" in
    words)
      mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
      return
      ;;
    list)
      [[ $current != *,* ]] || prefix=\${current%,*},
      mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$words" -- "\${current##*,}")
      return
      ;;
    file)
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      compopt -o filenames 2>/dev/null
      return
      ;;
    folder)
      [[ $current != *,* ]] || prefix=\${current%,*},
      mapfile -t COMPREPLY < <(compgen -P "$prefix" -d -- "\${current##*,}")
      compopt -o filenames 2>/dev/null
      return
      ;;
    none) return ;;
  esac
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_ringtap_flags "$command")" -- "$current")
  fi
}
complete -F _ringtap ringtap
`;
}
