import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { DEFAULT_RESOURCES, identityFor, Stack } from '../../support/stack.ts'

const UID = process.getuid?.() ?? 0
const BINARY = path.resolve(import.meta.dirname, '../../../bin/signet.js')

describe('both programs', () => {
  let stack: Stack
  before(async () => {
    stack = await Stack.start({ resources: `${DEFAULT_RESOURCES}---${identityFor(UID)}` })
  })
  after(() => stack[Symbol.asyncDispose]())

  it('read their configuration again after SIGHUP, and continue, also after SIGUSR1 and SIGUSR2, which open no debugger', async () => {
    for (const daemon of [stack.authority, stack.agent]) {
      const from = daemon.log.length
      for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGHUP'] as const) process.kill(daemon.pid, signal)
      await daemon.says('"event":"config.reloaded"', from)
      for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGHUP'] as const) process.kill(daemon.pid, signal)
      await daemon.says(/config\.reloaded.*config\.reloaded/s, from)
    }
    using client = stack.client()
    await client.first('FetchX509SVID')
    assert.ok(stack.authority.running)
    for (const daemon of [stack.authority, stack.agent]) assert.doesNotMatch(daemon.log, /debugger/i)
  })

  it('survive a signal that arrives while their modules are loaded', async () => {
    await stack.agent.stop()
    // The address is bound at the very end of start-up; the signals arrive long before.
    const loading = `import '${BINARY}'
for (const signal of ['SIGHUP', 'SIGUSR2', 'SIGUSR1']) process.kill(process.pid, signal)`
    const args = ['--input-type=module', '-e', loading, BINARY, 'agent', 'run', '--config', stack.agentConfig]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    const ended = once(child, 'close')
    child.stderr.setEncoding('utf8')
    let log = ''
    let isTold = false
    for await (const text of child.stderr) {
      log += String(text)
      if (/sync\.(?:established|restored)/.test(log) && !isTold) isTold = child.kill('SIGTERM')
    }
    await ended
    assert.deepEqual([child.exitCode, child.signalCode], [0, null], log)
    await stack.startAgent()
  })

  it('leave no core dump', () => {
    for (const daemon of [stack.authority, stack.agent]) {
      assert.match(readFileSync(`/proc/${daemon.pid}/limits`, 'latin1'), /^Max core file size\s+0\s+0\s/m)
    }
  })

  for (const program of ['authority', 'agent'] as const) {
    it(`refuses to start the ${program} under a debugger, with one error`, async () => {
      const config = path.join(stack.directory, `${program}.yaml`)
      const args = ['--inspect=127.0.0.1:0', BINARY, program, 'run', '--config', config]
      const failed = await promisify(execFile)(process.execPath, args).then(
        () => assert.fail('it ran'),
        (error: { code: number; stderr: string }) => error,
      )
      assert.equal(failed.code, 2, failed.stderr)
      assert.match(failed.stderr, /^signet: Node's option --inspect would show the keys of this program/m)
    })
  }
})
