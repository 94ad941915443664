import { isUtf8 } from 'node:buffer'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { findBundleFiles, MAX_BUNDLE_BYTES, putBundleFiles } from '../config/bundle-files.ts'
import { messageOf } from '../foundation/errors.ts'
import { readReason } from '../foundation/file-reason.ts'
import { UnreadableFileError } from './errors.ts'
import { readAll, readInput } from './input.ts'

/**
 * Reads a file with resources, and inserts the files that its federations name. @throws
 * UnreadableFileError
 */
export async function readResources(
  file: string,
): Promise<{ readonly text: string; readonly fileName: string }> {
  const { text, fileName } = await readInput(file)
  const files = findBundleFiles(text, file === '-' ? '.' : path.dirname(file))
  const contents: string[] = []
  const problems: string[] = []
  for (const { path: named, line } of files) {
    try {
      contents.push(await readBundleFile(named))
    } catch (error) {
      problems.push(`${fileName}:${line}: spec.bundle.path: ${messageOf(error)}`)
    }
  }
  if (problems.length > 0) throw new UnreadableFileError(problems.join('\n'), { lines: problems })
  return { text: putBundleFiles(text, files, contents), fileName }
}

/** Reads a bundle file without validating it. @throws UnreadableFileError */
export async function readBundleFile(file: string): Promise<string> {
  let bytes: Buffer
  try {
    bytes = file === '-' ? await readAll(process.stdin) : await readFile(file)
  } catch (error) {
    throw new UnreadableFileError(`cannot read ${file}: ${readReason(error)}`, { cause: error })
  }
  // Checked before it is sent. Whitespace is removed later, but no real file has this much.
  if (bytes.length > 4 * MAX_BUNDLE_BYTES) throw new UnreadableFileError(`${file} is too large for a bundle`)
  if (!isUtf8(bytes)) throw new UnreadableFileError(`${file} is not UTF-8`)
  return bytes.toString('utf8')
}
