import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { utimesSync } from 'node:fs'
import net from 'node:net'
import { callHeaders, END_HEADERS, END_STREAM, frame, GREETING, message, TYPE, words } from './frames.ts'

/**
 * A flood by one user against the agent, run in a process of that user. It writes raw frames, so it
 * needs little CPU itself.
 */
export type Flood =
  /** Keeps `calls` open on each of `connections`; each ended call is followed by a new one. */
  | {
      readonly kind: 'calls'
      readonly socket: string
      readonly uid: number
      readonly connections: number
      readonly calls: number
      readonly method: string
      /** Every FetchJWTSVID asks for a new audience. */
      readonly newAudiences: boolean
    }
  /** Idle connections. */
  | { readonly kind: 'idle'; readonly socket: string; readonly uid: number; readonly connections: number }
  /** Connections that make one call and close, this many at a time. */
  | {
      readonly kind: 'reconnect'
      readonly socket: string
      readonly uid: number
      readonly connections: number
    }
  /** The same from an executable that changes all the time. */
  | {
      readonly kind: 'digests'
      readonly socket: string
      readonly uid: number
      readonly connections: number
      readonly executable: string
    }

/** Ends the flood after this time at the latest. */
const MAX_MS = 120_000
const WINDOW = 0x7fff_0000
const TOUCH_MS = 20
const PROGRESS_MS = 100

interface Progress {
  readonly answers: number
  /** Open connections. */
  readonly open: number
}

export class FloodProcess implements AsyncDisposable {
  readonly #child: ReturnType<typeof spawn>
  #said = ''

  private constructor(flood: Flood) {
    const program = flood.kind === 'digests' ? flood.executable : process.execPath
    this.#child = spawn(program, [import.meta.filename, JSON.stringify(flood)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text
    })
  }

  static async start(flood: Flood): Promise<FloodProcess> {
    const process = new FloodProcess(flood)
    while (!process.#said.includes('\n')) await once(process.#child.stdout as NodeJS.ReadableStream, 'data')
    return process
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Resolves when the flood has received this many responses. */
  async hasGot(answers: number): Promise<void> {
    while (this.#last.answers < answers) await once(this.#child.stdout as NodeJS.ReadableStream, 'data')
  }

  /** Ends the flood and returns its final progress. */
  async stop(): Promise<Progress> {
    this.#child.kill('SIGTERM')
    await once(this.#child, 'close')
    return this.#last
  }

  get #last(): Progress {
    const line = this.#said.slice(0, this.#said.lastIndexOf('\n')).split('\n').at(-1) ?? ''
    return line.startsWith('{') ? (JSON.parse(line) as Progress) : { answers: 0, open: 0 }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}

let answers = 0
let open = 0
let asked = 0

/** One connection of a flood. It keeps `calls` streams open and counts responses. */
class Flooding {
  readonly #socket: net.Socket
  readonly #block: Buffer
  readonly #body: () => Buffer
  #rest: Buffer = Buffer.alloc(0)
  #nextStream = 1
  #isOpen = false

  constructor(socketPath: string, method: string, body: () => Buffer, calls: number, over: () => void) {
    this.#block = callHeaders(`/SpiffeWorkloadAPI/${method}`)
    this.#body = body
    this.#socket = net.connect(socketPath, () => {
      open += 1
      this.#isOpen = true
      const settings = frame(TYPE.settings, 0, 0, Buffer.from([0, 4, 0x7f, 0xff, 0, 0]))
      this.#socket.write(
        Buffer.concat([
          GREETING.subarray(0, 24),
          settings,
          frame(TYPE.window, 0, 0, words(WINDOW)),
          this.#calls(calls),
        ]),
      )
    })
    this.#socket.on('error', () => undefined)
    this.#socket.once('close', () => {
      if (this.#isOpen) open -= 1
      over()
    })
    this.#socket.on('data', (chunk: Buffer) => this.#onData(chunk))
  }

  end(): void {
    this.#socket.destroy()
  }

  #calls(count: number): Buffer {
    const frames: Buffer[] = []
    for (let n = 0; n < count; n++) {
      const stream = this.#nextStream
      this.#nextStream += 2
      frames.push(frame(TYPE.headers, END_HEADERS, stream, this.#block))
      frames.push(frame(TYPE.data, END_STREAM, stream, message(this.#body())))
    }
    return Buffer.concat(frames)
  }

  #onData(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let ended = 0
    while (bytes.length >= 9) {
      const end = 9 + bytes.readUIntBE(0, 3)
      if (bytes.length < end) break
      const [type, flags] = [bytes[3] ?? 0, bytes[4] ?? 0]
      if (type === TYPE.reset || (type <= TYPE.headers && (flags & END_STREAM) !== 0)) ended += 1
      else if (type === TYPE.settings && flags === 0) this.#socket.write(frame(TYPE.settings, 1, 0))
      bytes = bytes.subarray(end)
    }
    this.#rest = bytes
    answers += ended
    if (ended > 0) this.#socket.write(this.#calls(ended))
  }
}

function body(flood: Flood): () => Buffer {
  if (flood.kind !== 'calls' || !flood.newAudiences) return () => Buffer.alloc(0)
  return () => {
    const audience = Buffer.from(`flood-${process.pid}-${asked++}`)
    return Buffer.concat([Buffer.of(0x0a, audience.length), audience])
  }
}

async function run(flood: Flood): Promise<void> {
  process.setgroups?.([])
  process.setgid?.(flood.uid)
  process.setuid?.(flood.uid)
  setTimeout(() => process.exit(), MAX_MS).unref()
  process.once('SIGTERM', () => {
    process.stdout.write(`${JSON.stringify({ answers, open })}\n`, () => process.exit())
  })
  if (flood.kind === 'digests') {
    const { executable } = flood
    setInterval(() => utimesSync(executable, new Date(), new Date()), TOUCH_MS)
  }
  if (flood.kind === 'idle') await holdIdle(flood)
  else keepAsking(flood)
  process.stdout.write('flooding\n')
  setInterval(() => process.stdout.write(`${JSON.stringify({ answers, open })}\n`), PROGRESS_MS)
}

async function holdIdle({ socket, connections }: { socket: string; connections: number }): Promise<void> {
  for (let n = 0; n < connections; n++) {
    const idle = net.connect(socket)
    idle.on('error', () => undefined)
    idle.once('connect', () => {
      open += 1
      idle.write(GREETING)
    })
    idle.on('data', () => undefined)
    idle.once('close', () => {
      open -= 1
    })
    if (n % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

function keepAsking(flood: Exclude<Flood, { kind: 'idle' }>): void {
  const method = flood.kind === 'calls' ? flood.method : 'FetchX509SVID'
  const calls = flood.kind === 'calls' ? flood.calls : 1
  const isGoing = flood.kind === 'reconnect'
  const connect = (): void => {
    const flooding = new Flooding(flood.socket, method, body(flood), calls, () => setTimeout(connect, 1))
    if (isGoing) setTimeout(() => flooding.end(), 5)
  }
  for (let n = 0; n < flood.connections; n++) connect()
}

if (import.meta.main) await run(JSON.parse(process.argv[2] ?? '{}') as Flood)
