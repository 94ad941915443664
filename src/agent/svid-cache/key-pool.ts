import { generateKeyPair, type KeyPair } from '../../crypto/keys.ts'

/** Enough for a process that starts with a handful of identities; each pair costs some 3 KB. */
const READY = 8

/** Key pairs made ahead, off the event loop, so that a first fetch does not wait for one. Each is handed out once. */
export class KeyPool {
  readonly #ready: KeyPair[] = []
  readonly #generate: () => Promise<KeyPair>
  #making = 0

  constructor(generate: () => Promise<KeyPair> = () => generateKeyPair('ec-p256')) {
    this.#generate = generate
  }

  /** Fills the pool in the background. */
  fill(): void {
    while (this.#ready.length + this.#making < READY) {
      this.#making += 1
      void this.#add()
    }
  }

  async take(): Promise<KeyPair> {
    const key = this.#ready.pop()
    this.fill()
    return key ?? this.#generate()
  }

  async #add(): Promise<void> {
    try {
      this.#ready.push(await this.#generate())
    } catch {
      // Whoever takes the next key makes it himself and hears of the failure.
    } finally {
      this.#making -= 1
    }
  }
}
