import type { Command, CommandEntry } from '../command.ts'
import { print } from '../output.ts'

export function define(command: Command, all: readonly CommandEntry[]): void {
  command
    .positional('<shell>', '', { choices: Object.keys(SCRIPTS) })
    .action((shell: string) => print(SCRIPTS[shell]?.(wordsOf(all)) ?? ''))
    .example('signet completion bash > /etc/bash_completion.d/signet')
}

type Words = ReadonlyMap<string, readonly string[]>

const SCRIPTS: Readonly<Record<string, (words: Words) => string>> = { bash, zsh, fish }

/** First words, and the second words of each. */
function wordsOf(all: readonly CommandEntry[]): Words {
  const words = new Map<string, string[]>()
  for (const { path } of all) {
    const [first, ...second] = path
    words.set(first, [...(words.get(first) ?? []), ...second])
  }
  return words
}

function bash(words: Words): string {
  const cases = [...words]
    .filter(([, seconds]) => seconds.length > 0)
    .map(([first, seconds]) => `    ${first}) COMPREPLY=($(compgen -W "${seconds.join(' ')}" -- "$word")) ;;`)
  return `_signet() {
  local word="\${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${[...words.keys()].join(' ')}" -- "$word"))
  elif [ "$COMP_CWORD" -eq 2 ]; then
    case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
    esac
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -F _signet signet`
}

function zsh(words: Words): string {
  return `#compdef signet
autoload -U +X bashcompinit && bashcompinit
${bash(words)}`
}

function fish(words: Words): string {
  const lines = ['complete -c signet -f']
  for (const [first, seconds] of words) {
    lines.push(`complete -c signet -n __fish_use_subcommand -a ${first}`)
    for (const second of seconds) {
      lines.push(`complete -c signet -n '__fish_seen_subcommand_from ${first}' -a ${second}`)
    }
  }
  return lines.join('\n')
}
