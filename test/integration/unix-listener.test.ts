import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, lstat, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { createLogger } from '../../src/foundation/logger.ts'
import { createMetrics } from '../../src/foundation/metrics.ts'
import { loadKernel } from '../../src/peer/koffi-kernel.ts'
import { acquireLockFile } from '../../src/peer/lock-file.ts'
import { UnixListener, type UnixListenerOptions } from '../../src/peer/unix-listener.ts'
import { FakeClock } from '../fakes/fake-clock.ts'

/** A directory of its own for each test, and listeners in it. */
class Place implements AsyncDisposable {
  readonly directory: string
  readonly path: string
  readonly logged: string[] = []
  readonly warned: string[] = []
  readonly accepted: net.Socket[] = []
  readonly metrics = createMetrics()
  readonly clock = new FakeClock()

  private constructor(directory: string) {
    this.directory = directory
    this.path = path.join(directory, 'run', 'agent.sock')
  }

  static async make(): Promise<Place> {
    return new Place(await mkdtemp(path.join(tmpdir(), 'signet-unix-')))
  }

  listen(options: Partial<UnixListenerOptions> = {}): Promise<UnixListener> {
    return UnixListener.listen({
      path: this.path,
      mode: 0o777,
      kernel: loadKernel(),
      maxConnections: 100,
      maxConnectionsPerUid: 100,
      clock: this.clock,
      logger: createLogger({ destination: { write: (line) => this.#heard(line) } }),
      metrics: this.metrics,
      onConnection: (socket) => void this.accepted.push(socket.resume()),
      ...options,
    })
  }

  /** Lets another process serve the path. Returns what kills it. */
  async serveElsewhere(): Promise<() => Promise<unknown>> {
    const code = `require('net').createServer().listen(${JSON.stringify(this.path)}, () => console.log('up'))`
    const other = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(other.stdout, 'data')
    return () => {
      other.kill('SIGKILL')
      return once(other, 'exit')
    }
  }

  /** Lets the listener look at its socket once. */
  async look(): Promise<void> {
    this.clock.advance(2_000)
    while (this.clock.waiting === 0) await new Promise(setImmediate)
  }

  /** Every place of these tests is below a directory that is open to all; one test asks for that. */
  #heard(line: string): void {
    if (line.includes('socket.shared_directory')) this.warned.push(line)
    else this.logged.push(line)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true })
  }
}

async function connect(socketPath: string): Promise<net.Socket> {
  const socket = net.connect(socketPath).resume()
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

const closeOf = (socket: net.Socket): Promise<void> =>
  new Promise((resolve) => (socket.destroyed ? resolve() : socket.once('close', () => resolve())))

describe('the path of the socket', () => {
  it('is created with the requested modes, whatever the umask', async () => {
    await using place = await Place.make()
    const umask = process.umask(0o077)
    await using listener = await place.listen().finally(() => process.umask(umask))
    assert.equal((await lstat(listener.path)).mode & 0o7777, 0o777)
    assert.equal((await lstat(path.dirname(listener.path))).mode & 0o7777, 0o755)
    await using _admin = await place.listen({
      path: path.join(place.directory, 'admin', 'a.sock'),
      mode: 0o600,
      directoryMode: 0o700,
    })
    assert.equal((await lstat(path.join(place.directory, 'admin', 'a.sock'))).mode & 0o7777, 0o600)
    assert.equal((await lstat(path.join(place.directory, 'admin'))).mode & 0o7777, 0o700)
  })

  it('is refused in a directory that others may enter, when it must be private', async () => {
    await using place = await Place.make()
    const directory = path.join(place.directory, 'admin')
    await mkdir(directory)
    await chmod(directory, 0o755)
    await chmod(place.directory, 0o755)
    const listen = () =>
      place.listen({ path: path.join(directory, 'a.sock'), directoryMode: 0o700, privateDirectory: true })
    await assert.rejects(listen, /is open to others: chmod 700 /)
    await chmod(place.directory, 0o700)
    await (await listen())[Symbol.asyncDispose]()
    await chmod(place.directory, 0o755)
    await chmod(directory, 0o700)
    await (await listen())[Symbol.asyncDispose]()
  })

  it('holds nothing but the socket and its lock, and no socket any more afterwards', async () => {
    await using place = await Place.make()
    const listener = await place.listen()
    assert.deepEqual((await readdir(path.dirname(place.path))).sort(), ['agent.sock', 'agent.sock.lock'])
    await listener[Symbol.asyncDispose]()
    assert.deepEqual(await readdir(path.dirname(place.path)), ['agent.sock.lock'])
  })

  it('may have the longest path that there is, and one byte more is said clearly', async () => {
    await using place = await Place.make()
    const name = 'a'.repeat(107 - Buffer.byteLength(place.directory) - 1)
    await using listener = await place.listen({ path: path.join(place.directory, name) })
    ;(await connect(listener.path)).destroy()
    await assert.rejects(
      place.listen({ path: path.join(place.directory, `${name}b`) }),
      /108 bytes, but may have at most 107/,
    )
  })

  it('is refused to a second listener while the first one lives, and given to it afterwards', async () => {
    await using place = await Place.make()
    const first = await place.listen()
    await assert.rejects(place.listen(), { code: 'ERR_PEER_SOCKET_IN_USE' })
    ;(await connect(place.path)).destroy()
    await first[Symbol.asyncDispose]()
    await using second = await place.listen()
    ;(await connect(second.path)).destroy()
  })

  it('is taken over from a process that died', async () => {
    await using place = await Place.make()
    await mkdir(path.dirname(place.path))
    const kill = await place.serveElsewhere()
    await assert.rejects(place.listen(), { code: 'ERR_PEER_SOCKET_IN_USE' })
    await kill()
    assert.ok((await lstat(place.path)).isSocket(), 'the dead one left its socket')
    await using listener = await place.listen()
    ;(await connect(listener.path)).destroy()
  })

  it('is not removed if another process has put its socket there', async () => {
    await using place = await Place.make()
    const listener = await place.listen()
    await rm(place.path)
    const other = net.createServer().listen(place.path)
    await once(other, 'listening')
    await listener[Symbol.asyncDispose]()
    assert.ok((await lstat(place.path)).isSocket())
    other.close()
  })

  it('survives what an attempt that died has left', async () => {
    await using place = await Place.make()
    await mkdir(path.dirname(place.path))
    await writeFile(path.join(path.dirname(place.path), '.agent.sock.new'), 'left')
    await using listener = await place.listen()
    ;(await connect(listener.path)).destroy()
  })

  it('is refused if it is a file that is not a socket', async () => {
    await using place = await Place.make()
    await mkdir(path.dirname(place.path))
    await writeFile(place.path, 'precious')
    await assert.rejects(place.listen(), { code: 'ERR_PEER_SOCKET_PATH' })
    assert.ok((await lstat(place.path)).isFile())
  })

  it('is refused in a directory that others can write to, unless it is sticky', async () => {
    await using place = await Place.make()
    await mkdir(path.dirname(place.path))
    await chmod(path.dirname(place.path), 0o777)
    await assert.rejects(place.listen(), /is writable by others/)
    await chmod(path.dirname(place.path), 0o1777)
    await using _listener = await place.listen()
  })

  it('is warned of below a directory in which every user can make entries, and only there', async () => {
    await using place = await Place.make()
    for (const [mode, directories] of [
      [0o700, place.directory.startsWith('/tmp/') ? ['/tmp'] : []],
      [0o1777, [place.directory]],
    ] as const) {
      await chmod(place.directory, mode)
      place.warned.length = 0
      await (await place.listen())[Symbol.asyncDispose]()
      assert.deepEqual(
        place.warned.map((line) => JSON.parse(line)).map(({ event, directory }) => [event, directory]),
        directories.map((directory) => ['socket.shared_directory', directory]),
      )
    }
  })

  it('is refused in a directory of another user', {
    skip: process.getuid?.() === 0 ? false : 'needs root, to give a directory away',
  }, async () => {
    await using place = await Place.make()
    const { chown } = await import('node:fs/promises')
    await mkdir(path.dirname(place.path))
    await chown(path.dirname(place.path), 4242, 4242)
    await assert.rejects(place.listen(), /belongs to uid 4242/)
  })

  it('is refused under a lock file that is a symbolic link', async () => {
    await using place = await Place.make()
    await mkdir(path.dirname(place.path))
    await symlink('/etc/passwd', `${place.path}.lock`)
    await assert.rejects(place.listen(), { code: 'ERR_PEER_LOCK_FILE' })
  })

  it('is refused with a lock file of another user, whose uid is named', {
    skip: process.getuid?.() === 0 ? false : 'needs root',
  }, async () => {
    await using place = await Place.make()
    const { chown } = await import('node:fs/promises')
    await mkdir(path.dirname(place.path))
    await writeFile(`${place.path}.lock`, '')
    await chown(`${place.path}.lock`, 4242, 4242)
    await assert.rejects(place.listen(), /lock file .* belongs to uid 4242/)
  })

  it('is refused, in one sentence, where it cannot be made', async () => {
    await using place = await Place.make()
    await writeFile(path.join(place.directory, 'run'), '')
    await assert.rejects(place.listen(), { code: 'ERR_PEER_SOCKET_PATH' })
  })
})

describe('the connections', () => {
  it('are limited per user, and a free place can be used again', async () => {
    await using place = await Place.make()
    await using listener = await place.listen({ maxConnectionsPerUid: 2 })
    const [first, second] = [await connect(place.path), await connect(place.path)]
    while (place.accepted.length < 2) await new Promise(setImmediate)
    for (let i = 0; i < 5; i++) await closeOf(await connect(place.path))
    assert.equal(listener.connections, 2)
    assert.equal(place.logged.length, 1, 'a burst is one line')
    assert.match(place.logged[0] ?? '', /too_many_connections_of_uid/)
    place.clock.advance(60_000)
    await closeOf(await connect(place.path))
    assert.equal(place.logged.length, 2, 'the next burst is another')
    first?.destroy()
    while (listener.connections > 1) await new Promise(setImmediate)
    const third = await connect(place.path)
    while (place.accepted.length < 3) await new Promise(setImmediate)
    third.destroy()
    second?.destroy()
    assert.match(
      place.metrics.expose(),
      /signet_connections_refused_total\{reason="too_many_connections_of_uid"\} 6/,
    )
  })

  it('are limited in total', async () => {
    await using place = await Place.make()
    await using listener = await place.listen({ maxConnections: 1 })
    const first = await connect(place.path)
    while (listener.connections < 1) await new Promise(setImmediate)
    await closeOf(await connect(place.path))
    assert.equal(listener.connections, 1)
    first.destroy()
  })

  it('are only those of allowed users, on an admin socket', async () => {
    await using place = await Place.make()
    await using listener = await place.listen({ allowUid: (uid) => uid === 4242 })
    await closeOf(await connect(place.path))
    assert.equal(listener.connections, 0)
    assert.match(place.logged.join(), /uid_not_allowed/)
  })

  it('that cannot be accepted for lack of descriptors do not stop the listener', async () => {
    await using place = await Place.make()
    // The limit can only be set for a process as a whole, so the listener runs in one of its own.
    const program = path.join(import.meta.dirname, '../support/listen-with-few-descriptors.ts')
    const child = spawn(
      'sh',
      ['-c', `ulimit -n 60 && exec "$0" "$1" "$2"`, process.execPath, program, place.path],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    await once(child.stdout, 'data')
    const crowd = await Promise.all(Array.from({ length: 100 }, () => connect(place.path)))
    for (const socket of crowd) socket.destroy()
    await Promise.all(crowd.map(closeOf))
    await new Promise((resolve) => setTimeout(resolve, 100))
    const late = net.connect(place.path)
    const [hello] = await once(late, 'data')
    assert.equal(String(hello), 'hello')
    late.destroy()
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
})

describe('a socket that disappears', () => {
  const cases = {
    'its file is removed': (place: Place) => rm(place.path),
    'its directory is removed': (place: Place) => rm(path.dirname(place.path), { recursive: true }),
  }
  for (const [when, remove] of Object.entries(cases)) {
    it(`is bound again when ${when}, and older connections stay`, async () => {
      await using place = await Place.make()
      await using listener = await place.listen()
      const older = await connect(place.path)
      await remove(place)
      place.clock.advance(2_000)
      while (place.logged.length === 0) await new Promise(setImmediate)
      assert.match(place.logged.join(), /socket\.restored/)
      assert.equal((await lstat(place.path)).mode & 0o777, 0o777)
      const later = await connect(place.path)
      while (listener.connections < 2) await new Promise(setImmediate)
      assert.equal(older.destroyed, false)
      await assert.rejects(place.listen(), { code: 'ERR_PEER_SOCKET_IN_USE' })
      older.destroy()
      later.destroy()
    })
  }

  it('is tried again until it can be bound, and the log says so once', async () => {
    await using place = await Place.make()
    await using _listener = await place.listen()
    const directory = path.dirname(place.path)
    await rm(directory, { recursive: true })
    await writeFile(directory, 'in the way')
    for (let n = 0; n < 3; n += 1) await place.look()
    assert.match(place.logged.join(), /^[^\n]*socket\.lost[^\n]*\n$/)
    await rm(directory)
    place.clock.advance(2_000)
    while (place.logged.length < 2) await new Promise(setImmediate)
    ;(await connect(place.path)).destroy()
  })

  it('is left to another program that took its place, and is bound again once that has died', async () => {
    await using place = await Place.make()
    await using _listener = await place.listen()
    await rm(place.path)
    const kill = await place.serveElsewhere()
    const { ino } = await lstat(place.path)
    await place.look()
    await place.look()
    assert.match(place.logged.join(), /^[^\n]*socket\.replaced[^\n]*another program has put[^\n]*\n$/)
    assert.equal((await lstat(place.path)).ino, ino)
    await kill()
    await place.look()
    assert.match(place.logged.at(-1) ?? '', /socket\.restored/)
    ;(await connect(place.path)).destroy()
  })

  it('leaves a file that lies in its place, says so once, and is bound again without it', async () => {
    await using place = await Place.make()
    await using _listener = await place.listen()
    await rm(place.path)
    await writeFile(place.path, 'precious')
    await place.look()
    await place.look()
    assert.match(place.logged.join(), /^[^\n]*socket\.replaced[^\n]*a file lies in[^\n]*\n$/)
    assert.ok((await lstat(place.path)).isFile())
    await rm(place.path)
    await place.look()
    assert.match(place.logged.at(-1) ?? '', /socket\.restored/)
    ;(await connect(place.path)).destroy()
  })
})

describe('acquireLockFile', () => {
  it('gives a file to one holder at a time', async () => {
    await using place = await Place.make()
    const file = path.join(place.directory, 'lock')
    const first = acquireLockFile(file)
    assert.ok(first)
    assert.equal(acquireLockFile(file), undefined)
    first[Symbol.dispose]()
    first[Symbol.dispose]()
    acquireLockFile(file)?.[Symbol.dispose]()
  })

  it('says why when the file cannot be opened', () => {
    assert.throws(() => acquireLockFile('/nowhere/at/all'), { code: 'ERR_PEER_LOCK_FILE' })
  })
})
