import type { Command } from '../command.ts'
import { print } from '../output.ts'

export function define(command: Command): void {
  command
    .positional('<shell>', '', { choices: Object.keys(SCRIPTS) })
    .note('It offers commands, flags, choices, files and, where the authority can be reached, names.')
    .action((shell: string) => print(SCRIPTS[shell] ?? ''))
    .example(
      'signet completion bash > /etc/bash_completion.d/signet',
      'signet completion zsh > ~/.zfunc/_signet',
      'signet completion fish > ~/.config/fish/completions/signet.fish',
    )
}

/** Each script asks the program what may follow; `:files` in the answer stands for files. */
const BASH = `_signet() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    if [ "$line" = :files ]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}")
    else
      COMPREPLY+=("$line")
    fi
  done < <(signet __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _signet signet`

const ZSH = `#compdef signet
_signet() {
  local line
  local -a found
  for line in "\${(@f)$(signet __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == :files ]]; then _files
    elif [[ -n $line ]]; then found+=("$line")
    fi
  done
  compadd -- "\${found[@]}"
}
if [ "\${funcstack[1]}" = _signet ]; then _signet "$@"; else compdef _signet signet; fi`

const FISH = `function __signet_complete
  set -l given (commandline -opc)
  set -l typed (commandline -ct)
  for line in (signet __complete $given[2..-1] "$typed" 2>/dev/null)
    if test "$line" = :files
      __fish_complete_path "$typed"
    else
      echo $line
    end
  end
end
complete -c signet -f -a '(__signet_complete)'`

const SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH, fish: FISH }
