import type { CommandEntry } from './command.ts'
import { COMMANDS, loadCommand } from './command-catalogue.ts'
import { leaveSoon } from './leave-soon.ts'
import { print } from './output.ts'
import { readWords } from './read-words.ts'
import { sayFailure } from './say-failure.ts'

/** The program of all commands. Ends by setting the exit code. */
export async function main(words: readonly string[]): Promise<void> {
  endQuietlyWithoutReader()
  if (words[0] === '__complete') {
    const { completions } = await import('./complete.ts')
    print((await completions(words.slice(1))).join('\n'))
    return
  }
  // `signet help svid fetch` is what many type first.
  const args = words[0] === 'help' ? [...words.slice(1), '--help'] : words
  const entry = COMMANDS.find(({ path }) => path.every((word, index) => args[index] === word))
  try {
    if (entry) await runCommand(entry, args.slice(entry.path.length))
    else print((await import('./no-command.ts')).answerTo(args, process.stdout.columns))
  } catch (error) {
    process.exitCode = sayFailure(error, args.includes('--json'))
    if (entry?.path[1] === 'run') leaveSoon() // who starts a program may not read what it says
  }
}

async function runCommand(entry: CommandEntry, words: readonly string[]): Promise<void> {
  const command = await loadCommand(entry)
  const asked = readWords(command, words)
  if (asked === 'help') print((await import('./help.ts')).commandHelp(command, process.stdout.columns))
  else if (asked === 'version') print((await import('../foundation/version.ts')).version)
  else if ('mistake' in asked)
    throw (await import('./mistaken.ts')).mistaken(asked.mistake, `signet ${command.name}`)
  else await command.run(asked.given)
}

/** `signet … | head` closes our stdout, which is not a failure. */
function endQuietlyWithoutReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit()
    throw error
  })
}
