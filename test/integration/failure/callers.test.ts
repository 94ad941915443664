import assert from 'node:assert/strict'
import { copyFile, readdir, readlink, truncate } from 'node:fs/promises'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { status } from '@grpc/grpc-js'
import { noPerl, RelayedCaller } from '../../support/relayed-caller.ts'
import { DEFAULT_RESOURCES, identityFor, Stack } from '../../support/stack.ts'
import { needsTwoUsers, WorkloadProcess } from '../../support/workload-process.ts'

const UID = process.getuid?.() ?? 0
const STRANGER = 54_321
const PERL = '/usr/bin/perl'

/** A JWTSVIDRequest for one audience. */
const jwtRequest = (audience: string): Buffer =>
  Buffer.concat([Buffer.from([0x0a, audience.length]), Buffer.from(audience)])

describe('a caller', () => {
  let stack: Stack
  before(async () => {
    stack = await Stack.start({ inProcess: true, resources: `${DEFAULT_RESOURCES}---${identityFor(UID)}` })
  })
  after(async () => stack?.[Symbol.asyncDispose]())

  for (const metadata of [{}, { 'workload.spiffe.io': 'True' }, { 'workload.spiffe.io': ['true', 'true'] }]) {
    it(`with the metadata ${JSON.stringify(metadata)} learns which header is missing`, async () => {
      using client = stack.client()
      const refused = { code: status.INVALID_ARGUMENT, details: 'security header missing from request' }
      await assert.rejects(client.first('FetchX509SVID', {}, { metadata }), refused)
      await assert.rejects(client.unary('FetchJWTSVID', { audience: ['a'] }, { metadata }), refused)
    })
  }

  it('of another user gets one generic message; the log names the command that says which rule refused it', {
    skip: needsTwoUsers,
  }, async () => {
    for (const method of ['FetchX509SVID', 'FetchX509Bundles', 'FetchJWTBundles']) {
      await using stranger = new WorkloadProcess({ socket: stack.socket, method, uid: STRANGER })
      const { code, details } = (await stranger.outcome()) as { code: number; details: string }
      assert.deepEqual({ code, details }, { code: status.PERMISSION_DENIED, details: 'no identity issued' })
    }
    const line = stack.agent.log.split('\n').find((text) => text.includes('"event":"identity.denied"')) ?? ''
    const { uid, run } = JSON.parse(line) as { uid: number; run: string }
    assert.equal(uid, STRANGER)
    assert.match(run, /^signet explain --pid \d+$/)
    await using waiting = new WorkloadProcess({
      socket: stack.socket,
      method: 'FetchX509SVID',
      uid: STRANGER,
      stay: true,
    })
    await waiting.outcome()
    const explained = await stack.admin('explain', '--pid', String(waiting.pid))
    assert.match(explained.stdout, /web/)
    assert.match(explained.stdout, /workload\.unix\.uid/)
  })

  it('of another user cannot use the admin sockets', {
    skip: needsTwoUsers,
  }, async () => {
    for (const socket of [stack.agentAdminSocket, stack.authoritySocket]) {
      await using stranger = new WorkloadProcess({ socket, method: 'FetchX509SVID', uid: STRANGER })
      const said = await stranger.outcome()
      assert.equal(said.event === 'ended' && said.code, status.UNAVAILABLE)
    }
  })

  it('that has exited is not served on a connection that another process inherited', {
    skip: noPerl,
  }, async () => {
    await using caller = await RelayedCaller.connect(stack.socket)
    const stream = caller.call('FetchX509SVID')
    await stream.started
    await caller.exit()
    const failed = { code: status.UNAVAILABLE, message: 'workload attestation failed' }
    assert.deepEqual(await caller.call('FetchJWTSVID', jwtRequest('left-behind')).ended, failed)
    assert.deepEqual(await stream.ended, failed)
  })

  it('that exits while it is attested gets nothing', { skip: noPerl }, async () => {
    // Hashing a large executable takes long enough for the caller to exit meanwhile.
    const large = path.join(stack.directory, 'perl')
    await copyFile(PERL, large)
    await truncate(large, 160 << 20)
    await stack.apply(`
kind: workload_identity
version: v1
metadata: { name: by-digest }
spec:
  spiffe_id: /by-digest
  allow: [{ match: { workload.unix.uid: ${UID}, workload.unix.binary_sha256: "${'0'.repeat(64)}" } }]
`)
    await using caller = await RelayedCaller.connect(stack.socket, large)
    const stream = caller.call('FetchX509SVID')
    while (!(await holdsOpen(stack.agent.pid, large))) await new Promise((resolve) => setTimeout(resolve, 1))
    await caller.exit()
    assert.deepEqual(await stream.ended, { code: status.UNAVAILABLE, message: 'workload attestation failed' })
    await stack.admin('delete', 'workload_identity', 'by-digest')
  })

  it('that executes another program has all its calls ended, and the log says so', {
    skip: noPerl,
  }, async () => {
    await using caller = await RelayedCaller.connect(stack.socket)
    const streams = ['FetchX509SVID', 'FetchX509Bundles', 'FetchJWTBundles'].map((method) =>
      caller.call(method),
    )
    await Promise.all(streams.map(({ started }) => started))
    await caller.exec()
    const failed = { code: status.UNAVAILABLE, message: 'workload attestation failed' }
    assert.deepEqual(await caller.call('FetchJWTSVID', jwtRequest('after-exec')).ended, failed)
    for (const { ended } of streams) assert.deepEqual(await ended, failed)
    await stack.agent.says(
      new RegExp(`"event":"process\\.changed","pid":${caller.pid},"uid":${UID},"reason":"other executable"`),
    )
  })

  it('that executes another program gets no further updates', { skip: noPerl }, async () => {
    await using caller = await RelayedCaller.connect(stack.socket)
    const stream = caller.call('FetchX509SVID')
    await stream.started
    await caller.exec()
    await stack.apply(identityFor(UID, 'pushed'))
    assert.deepEqual(await stream.ended, { code: status.UNAVAILABLE, message: 'workload attestation failed' })
    await stack.admin('delete', 'workload_identity', 'pushed')
  })
})

/** Whether a process has this file open. */
async function holdsOpen(pid: number, file: string): Promise<boolean> {
  const descriptors = await readdir(`/proc/${pid}/fd`)
  const opened = await Promise.all(
    descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => 'closed meanwhile')),
  )
  return opened.includes(file)
}
