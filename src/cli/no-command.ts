import { version } from '../foundation/version.ts'
import { COMMANDS, NOUNS } from './command-catalogue.ts'
import { HELP, VERSION } from './flag.ts'
import { nounHelp, programHelp } from './help.ts'
import { mistaken } from './mistaken.ts'

/**
 * What the program says when its words are no command: help or the version.
 *
 * @throws UsageError
 */
export function answerTo(words: readonly string[], width: number | undefined): string {
  const [first] = words
  const noun = first !== undefined && Object.hasOwn(NOUNS, first) ? first : undefined
  const word = noun === undefined ? first : words[1]
  if (word === undefined || HELP.isSpelt(word)) {
    return noun === undefined ? programHelp(width) : nounHelp(noun, width)
  }
  if (VERSION.isSpelt(word)) return version
  const isFlag = word.startsWith('-') && word !== '-'
  const commands = COMMANDS.flatMap(({ path: [before, verb] }) =>
    noun === undefined ? [before] : before === noun && verb !== undefined ? [verb] : [],
  )
  const known = isFlag ? [HELP.long, VERSION.long] : commands
  throw mistaken(
    { sentence: `unknown ${isFlag ? 'option' : 'command'} '${word}'`, unknown: { word, known } },
    noun === undefined ? 'signet' : `signet ${noun}`,
  )
}
