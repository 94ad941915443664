import { readFile } from 'node:fs/promises'
import { readReason } from '../foundation/file-reason.ts'
import { UnreadableFileError } from './errors.ts'

/**
 * Reads a file; `-` is standard input. Problems are reported under `fileName`. @throws
 * UnreadableFileError
 */
export async function readInput(file: string): Promise<{ readonly text: string; readonly fileName: string }> {
  if (file === '-')
    return { text: (await readAll(process.stdin)).toString('utf8'), fileName: '(standard input)' }
  try {
    return { text: await readFile(file, 'utf8'), fileName: file }
  } catch (error) {
    throw new UnreadableFileError(`cannot read ${file}: ${readReason(error)}`, { cause: error })
  }
}

/** Reads a stream to its end. */
export async function readAll(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(Buffer.from(part))
  return Buffer.concat(parts)
}
