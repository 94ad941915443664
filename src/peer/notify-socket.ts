import { closeSync } from 'node:fs'
import { KernelUnsupportedError } from './errors.ts'
import { loadLibc } from './libc.ts'

const AF_UNIX = 1
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000
/** The length of sun_path in struct sockaddr_un. */
const PATH_BYTES = 108

/** Sends datagrams to a Unix socket, which Node cannot do. */
export class NotifySocket implements Disposable {
  readonly #fd: number
  readonly #address: Buffer

  private constructor(fd: number, address: Buffer) {
    this.#fd = fd
    this.#address = address
  }

  /** A path, or an abstract name that begins with `@`. @throws KernelUnsupportedError */
  static open(name: string): NotifySocket {
    const path = Buffer.from(name)
    if (path[0] === 0x40) path[0] = 0
    else if (path[0] !== 0x2f) throw new KernelUnsupportedError(`not a Unix socket: ${name}`)
    if (path.length >= PATH_BYTES) throw new KernelUnsupportedError(`too long for a Unix socket: ${name}`)
    const family = Buffer.alloc(2)
    new Uint16Array(family.buffer, family.byteOffset, 1)[0] = AF_UNIX // in the byte order of the machine
    const fd = loadLibc().socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0)
    if (fd < 0) throw new KernelUnsupportedError('cannot make a Unix socket')
    // The name of an abstract socket is as long as the address says; a path ends with a zero.
    const end = path[0] === 0 ? Buffer.alloc(0) : Buffer.alloc(1)
    return new NotifySocket(fd, Buffer.concat([family, path, end]))
  }

  /** Never waits. Returns false if nobody could receive it. */
  send(text: string): boolean {
    const bytes = Buffer.from(text)
    const { sendto } = loadLibc()
    return (
      sendto(this.#fd, bytes, bytes.length, MSG_DONTWAIT_NOSIGNAL, this.#address, this.#address.length) >= 0
    )
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd)
  }
}
