import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { createLogger } from '../../src/foundation/logger.ts'
import { createMetrics } from '../../src/foundation/metrics.ts'
import { loadKernel } from '../../src/peer/koffi-kernel.ts'
import { openPeerByPid, type Peer } from '../../src/peer/peer.ts'
import { UnixListener } from '../../src/peer/unix-listener.ts'
import { FakeClock } from '../fakes/fake-clock.ts'

const isRoot = process.getuid?.() === 0
const needsRoot = isRoot ? false : 'needs root, to run a process of another user'
const kernel = loadKernel()

interface Accepted {
  readonly peer: Peer
  readonly socket: net.Socket
}

/** A listener that keeps what it accepts. */
class Accepting implements AsyncDisposable {
  readonly path: string
  readonly #listener: UnixListener
  readonly #directory: string
  readonly #accepted: AsyncIterator<Accepted>

  private constructor(listener: UnixListener, directory: string, accepted: AsyncIterator<Accepted>) {
    this.#listener = listener
    this.#directory = directory
    this.path = listener.path
    this.#accepted = accepted
  }

  static async start(): Promise<Accepting> {
    const directory = await mkdtemp(path.join(tmpdir(), 'signet-peer-'))
    await chmod(directory, 0o755) // another user is to get in
    const queue: Accepted[] = []
    let wake = (): void => {}
    const listener = await UnixListener.listen({
      path: path.join(directory, 'run', 'a.sock'),
      mode: 0o777,
      kernel,
      maxConnections: 10,
      maxConnectionsPerUid: 10,
      clock: new FakeClock(),
      logger: createLogger({ destination: { write: () => {} } }),
      metrics: createMetrics(),
      onConnection: (socket, peer) => {
        queue.push({ socket, peer })
        wake()
      },
    })
    async function* accepted(): AsyncGenerator<Accepted> {
      while (true) {
        const next = queue.shift()
        if (next !== undefined) yield next
        else await new Promise<void>((resolve) => (wake = resolve))
      }
    }
    return new Accepting(listener, directory, accepted())
  }

  async next(): Promise<Accepted> {
    return (await this.#accepted.next()).value
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener[Symbol.asyncDispose]()
    await rm(this.#directory, { recursive: true, force: true })
  }
}

/**
 * A process that connects and then does what the test says. `exec` turns it into another program with
 * the connection kept open.
 */
const CONNECTING = `
import os, socket, sys
if sys.argv[2] != '': os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print('connected', flush=True)
for line in sys.stdin:
    if line == 'exec\\n': os.set_inheritable(s.fileno(), True); os.execv('/bin/sleep', ['sleep', '60'])
    if line == 'setuid\\n': os.setgid(4242); os.setuid(4242); print('changed', flush=True)
    if line == 'exit\\n': os._exit(0)
`

class Connecting implements Disposable {
  readonly pid: number
  readonly #child
  readonly #lines: AsyncIterator<string>

  constructor(socketPath: string, uid?: number) {
    this.#child = spawn('python3', ['-c', CONNECTING, socketPath, uid === undefined ? '' : String(uid)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.pid = this.#child.pid ?? 0
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  async said(): Promise<string> {
    return String((await this.#lines.next()).value)
  }

  tell(what: string): void {
    this.#child.stdin.write(`${what}\n`)
  }

  get exited(): Promise<unknown> {
    return once(this.#child, 'exit')
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL')
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe('a peer on a real socket', () => {
  it('is this process, with its executable and start time', async () => {
    await using accepting = await Accepting.start()
    const socket = net.connect(accepting.path)
    const { peer } = await accepting.next()
    assert.equal(peer.credentials.pid, process.pid)
    assert.equal(peer.credentials.uid, process.getuid?.())
    assert.equal(peer.credentials.gid, process.getgid?.())
    const executable = await stat('/proc/self/exe', { bigint: true })
    assert.equal(peer.executable?.inode, executable.ino)
    assert.equal(peer.executable?.path, process.execPath)
    assert.equal(peer.changedSinceAccept(), undefined)
    assert.ok(Math.abs(peer.startedAtMs - performance.timeOrigin) < 60_000)
    socket.destroy()
  })

  it('has exited when its process is gone, even if it is a zombie', async () => {
    await using accepting = await Accepting.start()
    using child = new Connecting(accepting.path)
    await child.said()
    const { peer } = await accepting.next()
    assert.equal(peer.changedSinceAccept(), undefined)
    process.kill(child.pid, 'SIGKILL')
    await until(() => peer.hasExited())
    assert.match(peer.changedSinceAccept() ?? '', /^(exited|disconnected)$/)
  })

  it('is disposed with its connection', async () => {
    await using accepting = await Accepting.start()
    const socket = net.connect(accepting.path)
    const accepted = await accepting.next()
    const closed = once(accepted.socket, 'close')
    socket.destroy()
    accepted.socket.resume()
    await closed
    assert.equal(accepted.peer.changedSinceAccept(), 'disconnected')
  })

  it('has changed when it has executed another program', async () => {
    await using accepting = await Accepting.start()
    using child = new Connecting(accepting.path)
    await child.said()
    const { peer } = await accepting.next()
    assert.equal(peer.changedSinceAccept(), undefined)
    child.tell('exec')
    await until(() => peer.changedSinceAccept() !== undefined)
    assert.equal(peer.changedSinceAccept(), 'other executable')
    assert.equal(peer.hasExited(), false)
  })

  it('is known by the user that it had when it connected, and has changed when it takes another', {
    skip: needsRoot,
  }, async () => {
    await using accepting = await Accepting.start()
    using child = new Connecting(accepting.path)
    await child.said()
    const { peer } = await accepting.next()
    assert.equal(peer.credentials.uid, 0)
    child.tell('setuid')
    await child.said()
    assert.equal(peer.changedSinceAccept(), 'other user or group')
  })

  it('of another user is that user', { skip: needsRoot }, async () => {
    await using accepting = await Accepting.start()
    using _child = new Connecting(accepting.path, 4242)
    const { peer } = await accepting.next()
    assert.equal(peer.credentials.uid, 4242)
    assert.equal(peer.credentials.gid, 4242)
    assert.equal(peer.changedSinceAccept(), undefined)
  })
})

describe('openPeerByPid', () => {
  it('pins a running process', () => {
    using peer = openPeerByPid(kernel, process.pid)
    assert.equal(peer.credentials.uid, process.getuid?.())
    assert.equal(peer.changedSinceAccept(), undefined)
  })

  for (const pid of [0, -1, 4_194_304]) {
    it(`says that there is no process ${pid}`, () => {
      assert.throws(() => openPeerByPid(kernel, pid), { code: 'ERR_PEER_PROCESS_NOT_FOUND' })
    })
  }

  it('leaves no descriptor behind', () => {
    const before = kernel.openProcess(process.pid)
    kernel.closePidfd(before)
    for (let i = 0; i < 50; i++) openPeerByPid(kernel, process.pid)[Symbol.dispose]()
    const after = kernel.openProcess(process.pid)
    kernel.closePidfd(after)
    assert.equal(after, before)
  })
})
