/** Completion for bash. */
import type { TreeCommand, TreeFlag } from "./command-tree.js";

/** What may follow a flag: `words a b`, `list a b`, `files` or `none`; nothing after a switch. */
function valueOf({ placeholder, isList, words }: TreeFlag): string {
  if (words.length > 0) {
    return `${isList ? "list" : "words"} ${words.join(" ")}`;
  }
  return placeholder === "<file>" ? "files" : "none";
}

/** The completion script; bash-completion is not needed. */
export function bashCompletion(commands: readonly TreeCommand[]): string {
  const names = commands.map(({ name }) => name);
  const flagCases = commands.map(
    ({ name, flags }) => `    ${name}) echo "${[...flags.map(({ flag }) => flag), "--help"].join(" ")}" ;;`,
  );
  const argumentCases = commands.flatMap(({ name, argument }) =>
    argument === undefined ? [] : [`    ${name}) echo "${argument.words.join(" ")}" ;;`],
  );
  const valueCases = commands.flatMap(({ name, flags }) =>
    flags
      .filter(({ placeholder }) => placeholder !== "")
      .map((flag) => `    "${name} ${flag.flag}") echo "${valueOf(flag)}" ;;`),
  );
  return `# bash completion of ringtap: source <(ringtap completion bash)

# The flags of a command.
_ringtap_flags() {
  case "$1" in
${flagCases.join("\n")}
  esac
}

# What may stand behind the name of a command.
_ringtap_arguments() {
  case "$1" in
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
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} command=\${COMP_WORDS[1]} kind words prefix=
  # Bash takes --flag=value for three words.
  if [[ $current == = ]]; then
    current=
  elif [[ $before == = ]]; then
    before=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W "${names.join(" ")} help --help --version" -- "$current")
    return
  fi
  read -r kind words < <(_ringtap_value "$command" "$before")
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
    files)
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      compopt -o filenames 2>/dev/null
      return
      ;;
    none) return ;;
  esac
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_ringtap_flags "$command")" -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -W "$(_ringtap_arguments "$command")" -- "$current")
  fi
}
complete -F _ringtap ringtap
`;
}
