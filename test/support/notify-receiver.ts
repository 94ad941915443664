import koffi from 'koffi'

const AF_UNIX = 1
const SOCK_DGRAM = 2
const MSG_DONTWAIT = 0x40

/** The service manager's end of sd_notify(3): a datagram socket, which Node has not. */
export class NotifyReceiver implements Disposable {
  readonly heard: string[] = []
  readonly #libc = koffi.load(null)
  readonly #recv = this.#libc.func('long recv(int fd, _Out_ uint8_t *data, unsigned long length, int flags)')
  readonly #fd: number

  /** `name` is a path, or begins with `@`. */
  constructor(name: string) {
    const socket = this.#libc.func('int socket(int domain, int type, int protocol)')
    const bind = this.#libc.func('int bind(int fd, void *address, unsigned int length)')
    this.#fd = socket(AF_UNIX, SOCK_DGRAM, 0)
    const address = Buffer.concat([Buffer.from([AF_UNIX, 0]), Buffer.from(name.replace(/^@/, '\0'))])
    if (bind(this.#fd, address, address.length) !== 0) throw new TypeError(`cannot bind ${name}`)
  }

  /** Resolves when a datagram with this text has come. */
  async hears(text: string): Promise<void> {
    while (!this.heard.some((each) => each.includes(text))) {
      const data = Buffer.alloc(4096)
      const length = this.#recv(this.#fd, data, data.length, MSG_DONTWAIT) as number
      if (length > 0) this.heard.push(data.toString('utf8', 0, length))
      else await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  [Symbol.dispose](): void {
    this.#libc.func('int close(int fd)')(this.#fd)
  }
}
