import { readFile } from 'node:fs/promises'
import { messageOf } from '../foundation/errors.ts'
import { UnreadableFileError } from './errors.ts'

/** The text of a file; `-` is standard input. The name is what problems are reported under. */
export async function readInput(file: string): Promise<{ readonly text: string; readonly fileName: string }> {
  if (file === '-') return { text: await readAll(process.stdin), fileName: '(standard input)' }
  try {
    return { text: await readFile(file, 'utf8'), fileName: file }
  } catch (error) {
    throw new UnreadableFileError(`cannot read ${file}: ${reasonOf(error)}`, { cause: error })
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOENT') return 'it does not exist'
  if (code === 'EACCES') return 'permission denied'
  if (code === 'EISDIR') return 'it is a directory'
  return messageOf(error)
}

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(Buffer.from(part))
  return Buffer.concat(parts).toString('utf8')
}
