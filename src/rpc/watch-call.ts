import type { Clock } from '../foundation/clock.ts'
import { PlainCall, type PlainTarget } from './plain/plain-call.ts'
import { RpcError, StatusCode } from './status.ts'

export type WatchTarget = PlainTarget

interface WatchOptions {
  readonly target: WatchTarget
  /** `/Service/Method`. The request is the empty message. */
  readonly method: string
  readonly metadata: Readonly<Record<string, string>>
  readonly clock: Clock
  readonly onMessage: (message: Buffer) => void
}

/** Servers keep to 4 MiB, the default limit of most clients. This is for servers that do not. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024
const EMPTY_REQUEST = Buffer.alloc(0)

/** One long-lived server stream on its own connection. It does not keep the process alive. */
export class WatchCall implements Disposable {
  /** Resolves to how the stream ended. A watch should not end, so OK is an error, too. Never rejects. */
  readonly ended: Promise<RpcError>
  readonly #call: PlainCall

  constructor(options: WatchOptions) {
    const call = new PlainCall({
      ...options,
      request: EMPTY_REQUEST,
      maxMessageBytes: MAX_MESSAGE_BYTES,
      isBackground: true,
    })
    this.#call = call
    this.ended = call.ended.then(
      (error) => error ?? new RpcError(StatusCode.UNAVAILABLE, `${call.address} ended the stream`),
    )
  }

  cancel(): void {
    this.#call.cancel()
  }

  [Symbol.dispose](): void {
    this.cancel()
  }
}
