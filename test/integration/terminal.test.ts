import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { signetBinary } from '../support/command.ts'
import { Stack } from '../support/stack.ts'

const QUESTION = 'Delete it? [y/N] '

/** `script` of util-linux gives a program a terminal. */
const without =
  spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0 ? false : 'needs script of util-linux'

describe('the question of delete bot on a terminal', { skip: without }, () => {
  let stack: Stack
  before(async () => {
    stack = await Stack.start({ inProcess: true })
  })
  after(() => stack[Symbol.asyncDispose]())

  /** Types `keys` when the command asks. */
  async function answer(keys: string): Promise<{ readonly code: number | null; readonly shown: string }> {
    const typed = `'${process.execPath}' '${signetBinary}' delete bot builder`
    const env = { ...process.env, SIGNET_ADMIN_SOCKET: stack.authoritySocket, TERM: 'xterm' }
    const child = spawn('script', ['-qec', typed, '/dev/null'], { env })
    let shown = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const hadAsked = shown.includes(QUESTION)
      shown += text
      if (!hadAsked && shown.includes(QUESTION)) child.stdin.write(keys)
    })
    await once(child, 'close')
    return { code: child.exitCode, shown }
  }

  for (const [keys, called] of [
    ['n\r', 'n'],
    ['\r', 'nothing'],
    ['yess\r', 'yess'],
    ['\x04', 'Control-D'],
  ] as const) {
    it(`deletes nothing after ${called}`, async () => {
      const { code, shown } = await answer(keys)
      assert.match(shown, /bot builder has 1 agent, 1 connected .* lose their SVIDs\r\n/)
      assert.match(shown, /\r\nsignet: nothing was deleted \(ERR_CLI_STILL_IN_USE\)\r\n$/)
      assert.equal(code, 6)
      await stack.admin('get', 'bot', 'builder')
    })
  }

  it('deletes nothing after Control-C, which ends it as any program', async () => {
    const { code, shown } = await answer('\x03')
    assert.match(shown, /\[y\/N\] (\^C)?(\r\n)?$/)
    assert.notEqual(code, 0)
    await stack.admin('get', 'bot', 'builder')
  })

  it('deletes after y', async () => {
    const tokens = JSON.parse((await stack.admin('get', 'join_token', '--json')).stdout)
    for (const { metadata } of tokens) await stack.admin('delete', 'join_token', metadata.name)
    const { code, shown } = await answer('y\r')
    assert.match(shown, /bot builder deleted/)
    assert.equal(code, 0)
    assert.equal((await stack.signet('get', 'bot', 'builder')).code, 3)
  })
})
