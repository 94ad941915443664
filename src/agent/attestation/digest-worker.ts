import { Worker } from 'node:worker_threads'

/** A request: open a file, or hash one slice of it. Then another file has its turn. */
export interface Slice {
  readonly id: number
  /** Only in the first request: the file to open. */
  readonly path?: string
  /** True to hash the next slice; false to close the file. */
  readonly hashes: boolean
}

/** The response. Without `key`, `digest` and `failed`, the file needs further turns. */
export interface Sliced {
  readonly id: number
  /** Identifies the content of the opened file: device, inode, size and times. */
  readonly key?: string
  readonly size?: number
  readonly digest?: string
  /** The file cannot be read, or changed while it was read. */
  readonly failed?: true
}

/**
 * The thread's code. It is passed as text, so it must not refer to anything outside. It runs in a
 * thread of its own because hashing occupies a core, and because opening a file on a dead mount
 * never returns: Node's own pool has only four threads, and everything else needs them.
 */
function work(): void {
  const { closeSync, fstatSync, openSync, readlinkSync, readSync } = process.getBuiltinModule('node:fs')
  const { createHash } = process.getBuiltinModule('node:crypto')
  const { setPriority } = process.getBuiltinModule('node:os')
  const { parentPort } = process.getBuiltinModule('node:worker_threads')
  const SLICE_BYTES = 8 * 1024 * 1024
  const NICE = 10
  const buffer = Buffer.allocUnsafe(256 * 1024)
  const open = new Map<number, { fd: number; key: string; hash: ReturnType<typeof createHash> }>()

  const keyOf = (fd: number): { key: string; size: number } => {
    const { dev, ino, size, mtimeNs, ctimeNs } = fstatSync(fd, { bigint: true })
    // Node packs major and minor as C libraries do (makedev(3)); statx(2) returns them separately.
    const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n)
    const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n)
    return { key: `${(major << 32n) | minor}:${ino}:${size}:${mtimeNs}:${ctimeNs}`, size: Number(size) }
  }
  const forget = (id: number): void => {
    const file = open.get(id)
    open.delete(id)
    if (file !== undefined) closeSync(file.fd)
  }
  const slice = ({ id, path, hashes }: Slice): Sliced => {
    if (path !== undefined) {
      const fd = openSync(path, 'r')
      const found = keyOf(fd)
      open.set(id, { fd, key: found.key, hash: createHash('sha256') })
      return { id, ...found }
    }
    const file = open.get(id)
    if (file === undefined || !hashes) {
      forget(id)
      return { id, failed: true }
    }
    for (let left = SLICE_BYTES; left > 0; ) {
      const length = readSync(file.fd, buffer)
      if (length === 0) {
        const isSame = keyOf(file.fd).key === file.key
        forget(id)
        return isSame ? { id, digest: file.hash.digest('hex') } : { id, failed: true }
      }
      file.hash.update(buffer.subarray(0, length))
      left -= length
    }
    return { id }
  }

  try {
    // Lowers the priority of this thread only: serving callers comes before hashing.
    setPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1)), NICE)
  } catch {
    // Not permitted: the thread keeps the normal priority.
  }
  parentPort?.on('message', (message: Slice) => {
    let said: Sliced
    try {
      said = slice(message)
    } catch {
      forget(message.id)
      said = { id: message.id, failed: true }
    }
    parentPort.postMessage(said)
  })
}

/** Starts the thread. It does not keep the process alive. */
export function startDigestWorker(): Worker {
  const worker = new Worker(`(${work.toString()})()`, { eval: true, execArgv: [], stdin: false })
  worker.unref()
  return worker
}
