import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { SecretClient } from './secret-client.ts'
import { type Ended, type Message, WorkloadClient } from './workload-client.ts'

/**
 * A workload in a process of its own, optionally of another user. It loads its code as root and
 * switches to the user before it connects, so that the user need not be able to read the clone. The
 * kernel reports the user at the time of the connect.
 */

export const canSwitchUser = process.getuid?.() === 0

/** Why a test with two users is skipped; false when it is not. */
export const needsTwoUsers = canSwitchUser ? false : 'needs root, to become another user'

interface WorkloadCall {
  readonly socket: string
  readonly method: string
  readonly request?: object
  readonly uid?: number
  readonly metadata?: Readonly<Record<string, string>>
  /** The process stays until it is killed, even after its call has ended. */
  readonly stay?: boolean
}

export type Said =
  | { readonly event: 'connected'; readonly pid: number }
  | { readonly event: 'message'; readonly message: Message }
  | { readonly event: 'ended'; readonly code: number; readonly details: string }

/** Starts the process and reads its reports, one line each, until the call has ended. */
export class WorkloadProcess implements AsyncDisposable {
  readonly pid: number
  readonly #child: ReturnType<typeof spawn>
  readonly #lines: AsyncIterator<string>

  constructor(call: WorkloadCall) {
    this.#child = spawn(
      process.execPath,
      [path.join(import.meta.dirname, 'workload-process.ts'), JSON.stringify(call)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    this.pid = this.#child.pid ?? 0
    this.#lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream })[
      Symbol.asyncIterator
    ]()
  }

  async next(): Promise<Said> {
    const { done, value } = await this.#lines.next()
    if (done) throw new Error('the workload process ended without a word')
    const said = JSON.parse(value, (_key, item) =>
      item?.type === 'Buffer' ? Buffer.from(item.data) : item,
    ) as Said
    return said
  }

  /** Returns the first message of the call, or how it ended. */
  async outcome(): Promise<Said> {
    for (;;) {
      const said = await this.next()
      if (said.event !== 'connected') return said
    }
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#child.kill(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}

async function run(call: WorkloadCall): Promise<void> {
  if (call.stay) setInterval(() => undefined, 1 << 30)
  const say = (said: Said): boolean => process.stdout.write(`${JSON.stringify(said)}\n`)
  if (call.uid !== undefined) {
    process.setgroups?.([])
    process.setgid?.(call.uid)
    process.setuid?.(call.uid)
  }
  using client = new WorkloadClient(call.socket)
  say({ event: 'connected', pid: process.pid })
  const options = {
    deadlineMs: Number.POSITIVE_INFINITY,
    ...(call.metadata ? { metadata: call.metadata } : {}),
  }
  if (call.method === 'FetchJWTSVID' || call.method === 'ValidateJWTSVID') {
    try {
      say({ event: 'message', message: await client.unary(call.method, call.request ?? {}, options) })
      say({ event: 'ended', code: 0, details: '' })
    } catch (error) {
      const { code, details } = error as { code: number; details: string }
      say({ event: 'ended', code, details })
    }
    return
  }
  if (call.method === 'StreamSecrets') {
    using secrets = new SecretClient(call.socket)
    using stream = secrets.open('StreamSecrets')
    stream.send(call.request ?? {})
    await tellAll(stream, say)
    return
  }
  using stream = client.stream(call.method, call.request, options)
  await tellAll(stream, say)
}

interface Told {
  next(): Promise<Message>
  readonly ended: Promise<Ended>
}

async function tellAll(stream: Told, say: (said: Said) => void): Promise<void> {
  for (;;) {
    try {
      say({ event: 'message', message: await stream.next() })
    } catch {
      say({ event: 'ended', ...(await stream.ended) })
      return
    }
  }
}

if (import.meta.main) await run(JSON.parse(process.argv[2] ?? '{}') as WorkloadCall)
