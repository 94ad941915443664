import { COMMANDS, loadCommand } from '../../src/cli/command-catalogue.ts'
import type { Document } from './read.ts'

/** Finds calls of `signet` in documents and in help, and checks whether the program would accept them. */

const SHELL_BLOCK = /```(?:sh|bash|console)\n([\s\S]*?)```/g

/** Returns the lines of a document that call `signet`: in shell blocks and between backquotes. */
export function callsIn({ text }: Document): readonly string[] {
  const blocks = Array.from(text.matchAll(SHELL_BLOCK), ([, block = '']) => block.replaceAll('\\\n', ' '))
  const inline = Array.from(text.matchAll(/`((?:[A-Z_]+=\S+ )?signet [a-z][^`]*)`/g), ([, call = '']) => call)
  const lines = [...blocks.flatMap((block) => block.split('\n')), ...inline]
  return lines.map((line) => line.replaceAll(/\s+/g, ' ').trim()).filter((line) => wordsOfCall(line)?.length)
}

/**
 * Splits a line into words as a shell would, as far as examples need it; undefined when it does not
 * call `signet`.
 */
export function wordsOfCall(line: string): readonly string[] | undefined {
  const [, call] = /(?:^|[|] |[A-Z_]+=\S+ |--no-install )signet((?: [^|<>&#]*)?)/.exec(line) ?? []
  return call?.match(/"[^"]*"|'[^']*'|\S+/g) ?? (call === undefined ? undefined : [])
}

/** Returns why the program would not accept this call; undefined if it would. */
export async function mistakeIn(words: readonly string[]): Promise<string | undefined> {
  const [noun = ''] = words
  if (words.length === 1 && COMMANDS.some(({ path }) => path.length > 1 && path[0] === noun)) return undefined
  const entry = COMMANDS.find(({ path }) => path.every((word, at) => words[at] === word))
  if (entry === undefined) return `there is no command ${words.slice(0, 2).join(' ')}`
  const known = await flagsOf(entry)
  const unknown = words
    .map((word) => word.split('=')[0] ?? '')
    .filter((word) => FLAG.test(word) && !known.has(word))
  return unknown.length === 0 ? undefined : `${entry.path.join(' ')} has no ${unknown.join(', ')}`
}

const FLAG = /^--?[a-z]/

export async function flagsOf(entry: (typeof COMMANDS)[number]): Promise<ReadonlySet<string>> {
  const command = await loadCommand(entry)
  const flags = command.flags.flatMap(({ short, long }) => [short, long])
  return new Set([...flags, '--help'].filter((flag) => flag !== undefined))
}
