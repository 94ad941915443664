import { isUtf8 } from 'node:buffer'
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { findBundleFiles, MAX_BUNDLE_BYTES, putBundleFiles } from '../config/bundle-files.ts'
import { messageOf } from '../foundation/errors.ts'
import { readReason } from '../foundation/file-reason.ts'
import type { ResourceFile } from '../rpc/gen/signet/v1/ResourceFile.ts'
import type { Command } from './command.ts'
import { UnreadableFileError, UsageError } from './errors.ts'
import { readAll, readInput } from './input.ts'
import { warn } from './output.ts'

const EXTENSIONS = ['.yaml', '.yml', '.json']

export function withResourceFiles(command: Command): Command {
  return command.flag(
    '-f, --filename <file>',
    'YAML with one or many resources, or a directory of .yaml, .yml and .json files; - is standard input',
    { isRequired: true, isList: true },
  )
}

/**
 * Reads files with resources, which are applied together, and inserts the files that their federations
 * name. @throws UnreadableFileError with every file that cannot be read
 */
export async function readResources(named: readonly string[]): Promise<ResourceFile[]> {
  if (named.filter((file) => file === '-').length > 1) throw new UsageError('-f -: standard input ends once')
  const files: ResourceFile[] = []
  const problems: string[] = []
  for (const name of named) {
    try {
      for (const file of await filesOf(name)) files.push(await readResourceFile(file))
    } catch (error) {
      if (!(error instanceof UnreadableFileError)) throw error
      problems.push(...(error.lines ?? [error.message]))
    }
  }
  if (problems.length > 0) throw new UnreadableFileError(problems.join('\n'), { lines: problems })
  return files
}

/** The file itself, or the files of a directory by their names. */
async function filesOf(name: string): Promise<readonly string[]> {
  const isDirectory = name !== '-' && (await stat(name).catch(() => undefined))?.isDirectory() === true
  if (!isDirectory) return [name]
  let entries: readonly string[]
  try {
    entries = (await readdir(name)).filter((entry) => !entry.startsWith('.')).sort()
  } catch (error) {
    throw new UnreadableFileError(`cannot read ${name}: ${readReason(error)}`, { cause: error })
  }
  const files: string[] = []
  for (const entry of entries) {
    const file = path.join(name, entry)
    if ((await stat(file).catch(() => undefined))?.isDirectory()) {
      warn(`warning: ${file} is a directory in a directory and is not read: name it with -f, too`)
    } else if (EXTENSIONS.includes(path.extname(entry))) files.push(file)
  }
  if (files.length === 0) {
    throw new UnreadableFileError(`cannot read ${name}: a directory without ${EXTENSIONS.join(', ')} files`)
  }
  return files
}

async function readResourceFile(file: string): Promise<ResourceFile> {
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
  return { text: putBundleFiles(text, files, contents), name: fileName }
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
