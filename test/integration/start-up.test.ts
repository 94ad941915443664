import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { signetBinary } from '../support/command.ts'
import { Daemon } from '../support/programs.ts'
import { Stack } from '../support/stack.ts'

const HOOK = path.resolve(import.meta.dirname, '../support/loaded-packages.ts')
const SETUP = path.resolve(import.meta.dirname, '../../bin/setup.js')
/**
 * Each takes as long to load as everything that a restarted agent needs to serve, or a command to ask. The
 * part `agent-config` of the agent contains zod and yaml.
 */
const HEAVY =
  /^(?:zod|yaml|agent-config|@marcbachmann\/cel-js|re2js|@grpc\/.*|@peculiar\/.*|protobufjs|jose)$/

describe('what is loaded', () => {
  let stack: Stack
  before(async () => {
    await promisify(execFile)(process.execPath, [SETUP]) // builds it, if sources have changed since
    stack = await Stack.serving()
  })
  after(() => stack[Symbol.asyncDispose]())

  it('by an agent that restarts, before it serves what it has kept', async () => {
    await stack.agent.stop()
    stack.agent = new Daemon(['agent', 'run', '--config', stack.agentConfig], preloading())
    await stack.agent.says(/"event":"agent\.started"[^\n]*"identities":[1-9]/)
    const [before = ''] = stack.agent.log.split('"event":"agent.started"')
    assert.ok(loadedIn(before).includes('koffi'), before) // the hook works
    assert.deepEqual(loadedIn(before).filter(isHeavy), [])
  })

  for (const args of [
    ['get', 'bot'],
    ['svid', 'fetch', 'jwt', '--audience', 'test'],
  ]) {
    it(`by signet ${args.join(' ')}`, async () => {
      const env = {
        ...process.env,
        ...preloading(),
        SIGNET_ADMIN_SOCKET: stack.authoritySocket,
        SPIFFE_ENDPOINT_SOCKET: `unix://${stack.socket}`,
      }
      const { stderr } = await promisify(execFile)(process.execPath, [signetBinary, ...args], { env })
      assert.deepEqual(loadedIn(stderr).filter(isHeavy), [])
    })
  }
})

function preloading(): { NODE_OPTIONS: string } {
  return { NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import=${HOOK}` }
}

function loadedIn(text: string): string[] {
  return Array.from(text.matchAll(/^loaded (.+)$/gm), ([, name = '']) => name)
}

function isHeavy(name: string): boolean {
  return HEAVY.test(name)
}
