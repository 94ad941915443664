import { createRequire } from 'node:module'
import type Koffi from 'koffi'
import { KernelUnsupportedError } from './errors.ts'

/**
 * The C library's functions that Node does not expose. A negative result leaves its reason in
 * {@link Libc.errno}.
 */
export interface Libc {
  getsockopt(fd: number, level: number, name: number, value: Buffer, length: Buffer): number
  poll(fds: Buffer, count: number, timeoutMs: number): number
  ioctl(fd: number, request: number, argument: Buffer): number
  statx(directory: number, path: string, flags: number, mask: number, result: Buffer): number
  /** open(2), for /proc files that are read with {@link Libc.read}. */
  open(path: string, flags: number): number
  read(fd: number, buffer: Buffer, length: number): number
  close(fd: number): number
  flock(fd: number, operation: number): number
  socket(domain: number, type: number, protocol: number): number
  sendto(
    fd: number,
    data: Buffer,
    length: number,
    flags: number,
    address: Buffer,
    addressLength: number,
  ): number
  /** prlimit(2). Pid 0 means this process; both buffers hold a struct rlimit64. */
  prlimit(pid: number, resource: number, limit: Buffer | null, previous: Buffer | null): number
  /**
   * openat2(2), by syscall(2) because C libraries have no wrapper. `how` is a struct open_how of 24
   * bytes.
   */
  openat2(directory: number, path: string, how: Buffer): number
  /** pidfd_open(2), by syscall(2) because older C libraries have no wrapper. */
  pidfdOpen(pid: number): number
  /** _exit(2). */
  exit(status: number): void
  /** malloc_trim(3); undefined on musl. */
  readonly mallocTrim: ((pad: number) => number) | undefined
  errno(): number
}

/** System call numbers, the same on every Linux architecture that Node supports. */
const SYS_PIDFD_OPEN = 434
const SYS_OPENAT2 = 437

let loaded: Libc | undefined

/** Binds the C library once per process. @throws KernelUnsupportedError */
export function loadLibc(): Libc {
  loaded ??= bind()
  return loaded
}

function bind(): Libc {
  if (process.platform !== 'linux') {
    throw new KernelUnsupportedError(`callers can only be attested on Linux, this is ${process.platform}`)
  }
  try {
    // Not imported: the ES module of koffi loads much of Node, which takes longer than the library itself.
    const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi
    const library = koffi.load(null)
    const syscall = library.func('long syscall(long number, long first, long second)')
    const openat2 = library.func(
      'long syscall(long number, long directory, const char *path, void *how, long size)',
    )
    return {
      getsockopt: library.func('int getsockopt(int fd, int level, int name, void *value, void *length)'),
      poll: library.func('int poll(void *fds, unsigned long count, int timeout)'),
      // Declared with a fixed third argument: the Linux ABIs that Node supports pass variadic
      // arguments the same way.
      ioctl: library.func('int ioctl(int fd, unsigned long request, void *argument)'),
      statx: library.func(
        'int statx(int directory, const char *path, int flags, unsigned int mask, void *result)',
      ),
      open: library.func('int open(const char *path, int flags)'),
      read: library.func('long read(int fd, void *buffer, unsigned long length)'),
      close: library.func('int close(int fd)'),
      flock: library.func('int flock(int fd, int operation)'),
      socket: library.func('int socket(int domain, int type, int protocol)'),
      sendto: library.func(
        'long sendto(int fd, void *data, unsigned long length, int flags, void *address, unsigned int addressLength)',
      ),
      prlimit: library.func('int prlimit64(int pid, int resource, void *limit, void *previous)'),
      openat2: (directory, path, how) => openat2(SYS_OPENAT2, directory, path, how, how.length) as number,
      pidfdOpen: (pid) => syscall(SYS_PIDFD_OPEN, pid, 0) as number,
      exit: library.func('void _exit(int status)'),
      mallocTrim: optional(() => library.func('int malloc_trim(unsigned long pad)')),
      errno: () => koffi.errno(),
    }
  } catch (error) {
    throw new KernelUnsupportedError(
      'the C library cannot be called from Node, so no caller can be attested',
      {
        cause: error,
      },
    )
  }
}

/** Binds a function that not every C library has. */
function optional<F>(find: () => F): F | undefined {
  try {
    return find()
  } catch {
    return undefined
  }
}
