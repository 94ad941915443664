import type { Command } from 'commander'
import { withExample } from '../command.ts'
import { print } from '../output.ts'

export const needsAllCommands = true

export function define(command: Command): void {
  withExample(
    command
      .addArgument(command.createArgument('<shell>').choices(['bash', 'zsh', 'fish']))
      .action((shell: string) => complete(shell, command)),
    'signet completion bash > /etc/bash_completion.d/signet',
  )
}

type Words = ReadonlyMap<string, readonly string[]>

const SCRIPTS: Readonly<Record<string, (words: Words) => string>> = { bash, zsh, fish }

function complete(shell: string, command: Command): void {
  print(SCRIPTS[shell]?.(wordsOf(command.parent ?? command)) ?? '')
}

/** First words, and the second words of each. */
function wordsOf(program: Command): Words {
  return new Map(
    program.commands.map((first) => [first.name(), first.commands.map((second) => second.name())]),
  )
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
