import { FIRST_WINDOW_BYTES, FLAG, FRAME, frame, MAX_FRAME_BYTES } from './frames.ts'

const MESSAGE_HEADER_BYTES = 5

/** Sends one gRPC message as flow control allows (RFC 9113 §5.2), then ends the stream. */
export class RequestSender {
  readonly #streamId: number
  readonly #write: (frame: Buffer) => void
  #unsent: Buffer
  #connectionWindow = FIRST_WINDOW_BYTES
  #streamWindow = FIRST_WINDOW_BYTES
  #initialWindow = FIRST_WINDOW_BYTES

  constructor(streamId: number, message: Buffer, write: (frame: Buffer) => void) {
    this.#streamId = streamId
    this.#write = write
    this.#unsent = Buffer.allocUnsafe(MESSAGE_HEADER_BYTES + message.length)
    this.#unsent[0] = 0
    this.#unsent.writeUInt32BE(message.length, 1)
    message.copy(this.#unsent, MESSAGE_HEADER_BYTES)
  }

  /** Sends as much as the windows allow. */
  send(): void {
    while (this.#unsent.length > 0) {
      const room = Math.min(this.#connectionWindow, this.#streamWindow, MAX_FRAME_BYTES)
      if (room <= 0) return
      const part = this.#unsent.subarray(0, room)
      this.#unsent = this.#unsent.subarray(part.length)
      this.#connectionWindow -= part.length
      this.#streamWindow -= part.length
      const flags = this.#unsent.length === 0 ? FLAG.END_STREAM : 0
      this.#write(frame(FRAME.DATA, flags, this.#streamId, part))
    }
  }

  grant(streamId: number, bytes: number): void {
    if (streamId === 0) this.#connectionWindow += bytes
    else if (streamId === this.#streamId) this.#streamWindow += bytes
    this.send()
  }

  /** Applies a new initial window size. Bytes already sent count against it (RFC 9113 §6.9.2). */
  setInitialWindow(bytes: number): void {
    this.#streamWindow += bytes - this.#initialWindow
    this.#initialWindow = bytes
    this.send()
  }
}
