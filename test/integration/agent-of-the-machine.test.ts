import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Finished, signetBinary } from '../support/command.ts'
import { DEFAULT_RESOURCES, identityFor, Stack } from '../support/stack.ts'

/** A uid without an account, and so without an agent of its own. */
const UID = 12_345

/** A shell with mounts of its own, in which nothing is below /run yet. */
const WITH_OWN_RUN = ['--mount', 'sh', '-ec', 'mount -t tmpfs none /run; mkdir /run/signet; eval "$1"', 'sh']

const without = whyNot()

function whyNot(): string | false {
  if (process.getuid?.() !== 0) return 'only root can mount something at /run'
  const tried = spawnSync('unshare', [...WITH_OWN_RUN, `exec setpriv --reuid ${UID} --clear-groups true`])
  return tried.status === 0 ? false : 'this machine makes no mount namespaces, or has no setpriv'
}

describe('the agent of the machine, at /run/signet, for the commands of another user', {
  skip: without,
}, () => {
  let stack: Stack
  before(async () => {
    const resources = `${DEFAULT_RESOURCES}---${identityFor(UID)}`
    stack = await Stack.start({ inProcess: true, resources })
  })
  after(() => stack[Symbol.asyncDispose]())

  /** Runs a command in the shell; the agent's sockets are at their usual places. */
  const run = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> => {
    const mounts = `mount --bind ${path.dirname(stack.socket)} /run/signet`
    const words = [process.execPath, signetBinary, ...args].map((word) => `'${word}'`).join(' ')
    const typed = `${mounts}; exec setpriv --reuid ${UID} --regid ${UID} --clear-groups ${words}`
    return new Promise((resolve) => {
      const options = { env: { PATH: process.env['PATH'], TMPDIR: '/tmp', ...env } }
      execFile('unshare', [...WITH_OWN_RUN, typed], options, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
      )
    })
  }

  for (const args of [
    ['svid', 'fetch', 'x509'],
    ['svid', 'fetch', 'jwt', '--audience', 'a'],
    ['bundle', 'fetch'],
  ]) {
    it(`is found by signet ${args.join(' ')}`, async () => {
      const { code, stdout, stderr } = await run(args)
      assert.equal(code, 0, stderr)
      assert.match(stdout, args[0] === 'svid' ? /spiffe:\/\/example\.org\/web/ : /"keys"/)
    })
  }

  it('is named when its admin socket is for administrators only', async () => {
    const { code, stderr } = await run(['agent', 'status'])
    assert.equal(code, 4)
    assert.match(stderr, /\/run\/signet\/agent-admin\.sock/)
  })

  it('comes after an agent of the user', async () => {
    const own = path.join(stack.directory, 'user/signet')
    await mkdir(own, { recursive: true })
    await writeFile(path.join(own, 'agent.sock'), '')
    const env = { XDG_RUNTIME_DIR: path.dirname(own) }
    const { code, stderr } = await run(['svid', 'fetch', 'x509'], env)
    assert.notEqual(code, 0)
    assert.ok(stderr.includes(`${own}/agent.sock`), stderr)
  })
})
