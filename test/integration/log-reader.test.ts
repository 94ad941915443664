import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { signetBinary } from '../support/command.ts'
import { Stack } from '../support/stack.ts'

/** A full pipe that is held open but never read. */
async function fullPipe(): Promise<{ readonly fd: number } & AsyncDisposable> {
  const directory = await mkdtemp(path.join(tmpdir(), 'signet-log-'))
  const file = path.join(directory, 'log')
  execFileSync('mkfifo', [file])
  const filling = openSync(file, constants.O_RDWR | constants.O_NONBLOCK)
  try {
    for (;;) writeSync(filling, 'x'.repeat(4_096))
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN')
  }
  const fd = openSync(file, constants.O_RDWR) // a write here blocks
  return {
    fd,
    [Symbol.asyncDispose]: async () => {
      closeSync(fd)
      closeSync(filling)
      await rm(directory, { recursive: true })
    },
  }
}

const logger = JSON.stringify(path.resolve(import.meta.dirname, '../../src/foundation/logger.ts'))
const clock = JSON.stringify(path.resolve(import.meta.dirname, '../../src/foundation/clock.ts'))
/** Writes far more than any pipe or socket holds, until it is told to stop. */
const TALKER = `
  const { createDaemonLogger } = await import(${logger})
  const { systemClock } = await import(${clock})
  const logger = createDaemonLogger({ level: 'info', name: 'talker', clock: systemClock })
  for (let n = 0; n < 20_000; n += 1) logger.fatal({ event: 'talk', n }, 'x'.repeat(200))
  process.on('SIGTERM', () => process.exit(0))
  setInterval(() => undefined, 1_000)
  process.stdout.write('still here')
`

describe('a program whose log is not read', () => {
  for (const kind of ['pipe', 'socket'] as const) {
    it(`continues, and stops on request (${kind})`, async () => {
      await using pipe = await fullPipe()
      // Node implements a "pipe" between processes as a socket pair
      const stderr = kind === 'socket' ? 'pipe' : pipe.fd
      const talker = spawn(process.execPath, ['--input-type=module', '-e', TALKER], {
        stdio: ['ignore', 'pipe', stderr],
      })
      await once(talker.stdout as NodeJS.ReadableStream, 'data')
      talker.kill('SIGTERM')
      assert.equal(await exitOf(talker), 0)
    })
  }

  it('serves and stops as usual: authority and agent', async () => {
    await using stack = await Stack.serving({ inProcess: true })
    await using pipe = await fullPipe()
    await stack.agent.stop()
    await stack.authority.stop()
    const start = (noun: string, config: string): ChildProcess =>
      spawn(process.execPath, [signetBinary, noun, 'run', '--config', config], {
        stdio: ['ignore', 'ignore', pipe.fd],
      })
    const authority = start('authority', stack.authorityConfig)
    await stack.admin('authority', 'status', '--wait', '30s')
    const agent = start('agent', stack.agentConfig)
    await stack.admin('agent', 'status', '--wait', '30s')
    using client = stack.client()
    await client.unary('FetchJWTSVID', { audience: ['unread'] })
    agent.kill('SIGTERM')
    assert.equal(await exitOf(agent), 0)
    authority.kill('SIGTERM')
    assert.equal(await exitOf(authority), 0)
  })

  it('exits if it cannot start', async () => {
    await using pipe = await fullPipe()
    await using stack = await Stack.create({ inProcess: true })
    const file = path.join(stack.directory, 'broken.yaml')
    await writeFile(file, 'version: 1\n')
    for (const config of [file, path.join(stack.directory, 'absent.yaml')]) {
      const agent = spawn(process.execPath, [signetBinary, 'agent', 'run', '--config', config], {
        stdio: ['ignore', 'ignore', pipe.fd],
      })
      assert.equal(await exitOf(agent), 2)
    }
  })
})

async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const patience = setTimeout(() => child.kill('SIGKILL'), 30_000)
    await once(child, 'exit')
    clearTimeout(patience)
  }
  return child.exitCode
}
