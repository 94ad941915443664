import { type FileHandle, open, rename, unlink } from 'node:fs/promises'
import path from 'node:path'
import { CodedError } from './errors.ts'
import { fileReason, readReason } from './file-reason.ts'
import { systemRandom } from './random.ts'

/** A file cannot be written; an older version of it is still intact. */
export class FileWriteError extends CodedError {
  override readonly name = 'FileWriteError'
  readonly code = 'ERR_FILE_WRITE'
  readonly kind = 'unavailable'

  constructor(filePath: string, cause: unknown, reason = fileReason(cause)) {
    super(`cannot write ${filePath}: ${reason}`, { cause })
  }
}

/** A file that must be private is accessible to other users, or cannot be read. */
export class PrivateFileError extends CodedError {
  override readonly name = 'PrivateFileError'
  readonly code = 'ERR_FILE_NOT_PRIVATE'
  readonly kind = 'failed_precondition'
}

interface WriteOptions {
  readonly mode: number
  readonly uid?: number
  readonly gid?: number
}

/**
 * Replaces a file atomically: a reader, or a crash at any moment, finds the old or the new content,
 * never a part.
 * @throws FileWriteError
 */
export async function writeFileAtomically(
  filePath: string,
  data: Uint8Array | string,
  options: WriteOptions,
): Promise<void> {
  const directory = path.dirname(filePath)
  const temporary = path.join(
    directory,
    `.${path.basename(filePath)}.${systemRandom.bytes(6).toString('hex')}.tmp`,
  )
  let created = false
  try {
    await withHandle(await open(temporary, 'wx', 0o600), async (file) => {
      created = true
      await file.writeFile(data)
      if (options.uid !== undefined || options.gid !== undefined) {
        await file.chown(options.uid ?? -1, options.gid ?? -1)
      }
      await file.chmod(options.mode) // not in open(), where the umask applies
      await file.sync()
    })
    await rename(temporary, filePath)
    created = false
    await withHandle(await open(directory, 'r'), (handle) => handle.sync())
  } catch (error) {
    // If this fails, too, the first error is the useful one.
    if (created) await unlink(temporary).catch(() => undefined)
    throw new FileWriteError(filePath, error)
  }
}

/** Renames a file over another one. It is durable when the promise resolves. @throws FileWriteError */
export async function replaceFile(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
    await withHandle(await open(path.dirname(to), 'r'), (handle) => handle.sync())
  } catch (error) {
    throw new FileWriteError(to, error)
  }
}

/**
 * Removes a file with a secret. It first overwrites the content, which most file systems do in
 * place.
 * @throws FileWriteError
 */
export async function shredFile(filePath: string): Promise<void> {
  try {
    await withHandle(await open(filePath, 'r+'), async (file) => {
      const { size } = await file.stat()
      await file.write(Buffer.alloc(size), 0, size, 0)
      await file.sync()
    })
    await unlink(filePath)
  } catch (error) {
    throw new FileWriteError(filePath, error)
  }
}

/**
 * Reads a file with a secret. Refuses it when another user could have read or written it.
 * @throws PrivateFileError
 */
export async function readPrivateFile(filePath: string): Promise<Buffer> {
  const file = await open(filePath, 'r').catch((error: unknown) => {
    throw new PrivateFileError(`cannot read ${filePath}: ${readReason(error)}`, { cause: error })
  })
  return withHandle(file, async (handle) => {
    const status = await handle.stat()
    if (!status.isFile()) throw new PrivateFileError(`${filePath} is not a regular file`)
    if ((status.mode & 0o077) !== 0) {
      throw new PrivateFileError(
        `${filePath} can be read by others (mode ${formatMode(status.mode)}): chmod 600 it`,
      )
    }
    if (status.uid !== 0 && status.uid !== process.geteuid?.()) {
      throw new PrivateFileError(`${filePath} belongs to uid ${status.uid}, not to this user or root`)
    }
    return handle.readFile()
  })
}

async function withHandle<T>(handle: FileHandle, task: (handle: FileHandle) => Promise<T>): Promise<T> {
  try {
    return await task(handle)
  } finally {
    await handle.close()
  }
}

export function formatMode(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0')
}
