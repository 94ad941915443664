import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
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

  it('go on after SIGHUP with one line, and after SIGUSR1 and SIGUSR2 without one, and open no debugger', async () => {
    for (const daemon of [stack.authority, stack.agent]) {
      const from = daemon.log.length
      for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGHUP'] as const) process.kill(daemon.pid, signal)
      await daemon.says('"event":"program.hangup"', from)
      for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGHUP'] as const) process.kill(daemon.pid, signal)
      await daemon.says(/program\.hangup.*program\.hangup/s, from)
    }
    using client = stack.client()
    await client.first('FetchX509SVID')
    assert.ok(stack.authority.running)
    for (const daemon of [stack.authority, stack.agent]) assert.doesNotMatch(daemon.log, /debugger/i)
  })

  it('leave no core dump', () => {
    for (const daemon of [stack.authority, stack.agent]) {
      assert.match(readFileSync(`/proc/${daemon.pid}/limits`, 'latin1'), /^Max core file size\s+0\s+0\s/m)
    }
  })

  for (const program of ['authority', 'agent'] as const) {
    it(`refuses to start the ${program} under a debugger, with one sentence`, async () => {
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
