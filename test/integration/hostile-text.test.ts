import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { IssueX509SvidsResponse__Output } from '../../src/rpc/gen/signet/v1/IssueX509SvidsResponse.ts'
import { joinWith } from '../support/bot-client.ts'
import type { Finished } from '../support/command.ts'
import { DEFAULT_RESOURCES, Stack } from '../support/stack.ts'

/**
 * Clears a terminal, sets its title, reverses the writing direction, and starts a line that looks
 * like output of Signet.
 */
const HOSTILE =
  'evil\u001b[2J\u001b]0;x\u0007\u202e\u2066\u009b\n01JFORGED000000000000000000  builder  trusted'
/** The parts of it that a path or a label may contain. */
const ROW = /^\s*01JFORGED/m
const STEERS = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

function assertHarmless({ stdout, stderr }: Pick<Finished, 'stdout' | 'stderr'>): void {
  for (const text of [stdout, stderr]) {
    assert.doesNotMatch(text, STEERS)
    assert.doesNotMatch(text, ROW)
  }
}

describe('text that an outsider chose', () => {
  let stack: Stack
  before(async () => {
    stack = await Stack.start({ inProcess: true, resources: DEFAULT_RESOURCES })
    const { name, secret } = await stack.createToken()
    const place = { address: stack.address, pin: stack.pin, trustDomain: 'example.org' }
    using bot = await joinWith(place, name, secret, { hostname: HOSTILE, agentVersion: HOSTILE })
    const { results } = await bot.client.unary<object, IssueX509SvidsResponse__Output>(
      'signet.v1.IssuanceService',
      'IssueX509Svids',
      {
        requests: [{ claim: { workloadIdentity: HOSTILE, revision: HOSTILE, spiffeId: HOSTILE } }],
      },
    )
    assert.ok(results[0]?.error, 'it was issued')
    await assert.rejects(joinWith(place, HOSTILE, HOSTILE, { hostname: HOSTILE }), { code: 'ERR_RPC_FAILED' })
    await stack.apply(`
kind: workload_identity
version: v1
metadata: { name: odd, labels: { env: ${JSON.stringify(HOSTILE)} } }
spec:
  spiffe_id: /odd
  hint: ${JSON.stringify(HOSTILE.slice(0, 60))}
  allow: [{ match: { workload.unix.binary_path: ${JSON.stringify(`/${HOSTILE}`)} } }]
`)
  })
  after(async () => stack?.[Symbol.asyncDispose]())

  const commands: readonly (readonly string[])[] = [
    ['get', 'bot_instance'],
    ['get', 'bot_instance', '--json'],
    ['get', 'all'],
    ['get', 'workload_identity', 'odd'],
    ['get', 'workload_identity', 'odd', '--json'],
    ['get', 'workload_identity', HOSTILE],
    ['audit', 'list'],
    ['audit', 'list', '--json'],
    ['audit', 'trace', HOSTILE],
    ['explain', '--attributes', HOSTILE],
    ['apply', '-f', HOSTILE],
    ['delete', 'bot', HOSTILE],
    ['lock', '--bot', HOSTILE],
    [HOSTILE],
    ['get', `--${HOSTILE}`],
    ['agent', 'run', '--config', HOSTILE],
    ['svid', 'fetch', 'jwt', '--audience', HOSTILE, '--socket', `unix:///tmp/${HOSTILE}`],
  ]
  for (const args of commands) {
    it(`neither controls a terminal nor forges a line in signet ${JSON.stringify(args.join(' '))}`, async () => {
      assertHarmless(await stack.signet(...args))
    })
  }

  it('is escaped in JSON', async () => {
    const { stdout } = await stack.signet('get', 'bot_instance', '--json')
    const instances = JSON.parse(stdout) as readonly { hostname: string }[]
    assert.ok(instances.some(({ hostname }) => hostname === HOSTILE))
  })

  it('is harmless as the path of a process, in explain and in the logs', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'signet-hostile-'))
    const program = path.join(directory, HOSTILE.replaceAll('/', ''))
    await copyFile('/bin/sleep', program)
    const child = spawn(program, ['60'])
    try {
      const shown = await stack.signet('explain', '--pid', String(child.pid))
      assert.match(shown.stdout, /evil/)
      assertHarmless(shown)
    } finally {
      child.kill()
      await rm(directory, { recursive: true })
    }
    assertHarmless({ stdout: stack.authority.log, stderr: stack.agent.log })
  })

  it('is harmless in a configuration with mistakes', async () => {
    const file = path.join(stack.directory, 'odd.yaml')
    await writeFile(
      file,
      `version: 1\n${JSON.stringify(HOSTILE)}: 1\nlog: { level: ${JSON.stringify(HOSTILE)} }\n`,
    )
    const shown = await stack.signet('agent', 'run', '--config', file)
    assert.equal(shown.code, 2)
    assertHarmless(shown)
  })
})
