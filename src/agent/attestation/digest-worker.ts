import { Worker } from 'node:worker_threads'

/** One turn of one file: so many bytes are read and hashed, and then another file has its turn. */
export interface Slice {
  readonly id: number
  /** To begin with. */
  readonly path?: string
  /** Hash on; false: only say what the file is, or let go of it. */
  readonly hashes: boolean
}

/** What came of it. Without any of the three the file goes on at its next turn. */
export interface Sliced {
  readonly id: number
  /** What the file is, when it was opened: device, inode, size, times. */
  readonly key?: string
  readonly size?: number
  readonly digest?: string
  /** It cannot be read, or was changed meanwhile. */
  readonly failed?: true
}

/**
 * The whole of the thread, which gets it as text: it must not refer to anything outside. A thread, because hashing takes a core for as long
 * as it lasts, and because opening a file on a dead mount never returns: Node's own threads are four, and all else needs them.
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
    // Node packs the two numbers of a device as C libraries do; statx(2) gives them side by side.
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
    // Of this thread only: whoever is to be served comes before whoever is to be looked at.
    setPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1)), NICE)
  } catch {
    // It is as important as all else, then.
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

/** Starts the thread. It keeps no process alive. */
export function startDigestWorker(): Worker {
  const worker = new Worker(`(${work.toString()})()`, { eval: true, execArgv: [], stdin: false })
  worker.unref()
  return worker
}
