import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { parseJws } from '../../src/crypto/jws.ts'
import { parseCertificate, splitDer } from '../../src/crypto/x509.ts'
import { Stack } from '../support/stack.ts'
import type { Message } from '../support/workload-client.ts'
import { needsTwoUsers, WorkloadProcess } from '../support/workload-process.ts'

const USERS = [54_321, 54_322, 54_323]
const REPORTED_WITHIN_MS = 60_000

const RESOURCES = `
kind: role
version: v1
metadata: { name: all }
spec: { allow: [{ kind: workload_identity, spiffe_ids: [/**] }] }
---
kind: bot
version: v1
metadata: { name: builder }
spec: { roles: [all] }
---
kind: workload_identity
version: v1
metadata: { name: web }
spec:
  spiffe_id: /web
  allow: [{ match: { workload.unix.uid: [${USERS.join(', ')}] } }]
`

interface Row {
  readonly event: string
  readonly hash: string
  readonly detail: {
    readonly jti?: string
    readonly serial?: string
    readonly occasion?: string
    readonly address?: string
    readonly uid?: number
    readonly processes?: readonly { pid: number; count: number; firstMs: number; lastMs: number }[]
    readonly svids?: readonly { jti?: string; serial?: string }[]
    readonly attributes?: { workload: { unix: { uid: number; pid: number } } }
  }
}

interface Trace {
  readonly issued: Row
  readonly delivered: readonly Row[]
}

describe('the audit log, with one identity for three users', { skip: needsTwoUsers }, () => {
  let stack: Stack
  const tokens: { uid: number; pid: number; jti: string }[] = []
  const shared: { pid: number; jti: string }[] = []
  const certificates: { pid: number; serial: string }[] = []
  before(async () => {
    stack = await Stack.start({ inProcess: true, resources: RESOURCES })
    const call = (uid: number, method: string, request = {}): WorkloadProcess =>
      new WorkloadProcess({ socket: stack.socket, method, request, uid, stay: true })
    for (const uid of USERS) {
      await using own = call(uid, 'FetchJWTSVID', { audience: [`for-${uid}`] })
      tokens.push({ uid, pid: own.pid, jti: jtiOf(await messageOf(own)) })
      await using another = call(uid, 'FetchJWTSVID', { audience: ['shared'] })
      shared.push({ pid: another.pid, jti: jtiOf(await messageOf(another)) })
      await using watching = call(uid, 'FetchX509SVID')
      certificates.push({ pid: watching.pid, serial: serialOf(await messageOf(watching)) })
    }
  })
  after(async () => stack?.[Symbol.asyncDispose]())

  /**
   * Waits until this many processes are reported to have an SVID, and returns its trace. Agents
   * report within seconds.
   */
  const reported = async (name: string, processes: number): Promise<Trace & { readonly pids: number[] }> => {
    const until = Date.now() + REPORTED_WITHIN_MS
    for (;;) {
      const { stdout } = await stack.admin('audit', 'trace', name, '--json')
      const found = JSON.parse(stdout) as Trace
      const pids = found.delivered.flatMap(({ detail }) => detail.processes?.map(({ pid }) => pid) ?? [])
      if (new Set(pids).size >= processes || Date.now() > until) return { ...found, pids }
      await setTimeout(250)
    }
  }

  it('names for each token the process that requested it and every process that got it', async () => {
    for (const { uid, pid, jti } of tokens) {
      const { issued, delivered, pids } = await reported(jti, 1)
      const unix = issued.detail.attributes?.workload.unix
      assert.deepEqual([unix?.uid, unix?.pid, issued.detail.occasion], [uid, pid, 'call'])
      assert.deepEqual(
        delivered.map(({ detail }) => detail.uid),
        [uid],
      )
      assert.deepEqual(pids, [pid])
      assert.match(issued.hash, /^[0-9a-f]{64}$/)
    }
  })

  it('shows who requested a token and which processes got it from the cache', async () => {
    const [first] = shared
    assert.ok(shared.every(({ jti }) => jti === first?.jti))
    const { issued, delivered, pids } = await reported(first?.jti ?? '', 3)
    assert.equal(issued.detail.attributes?.workload.unix.pid, first?.pid)
    assert.deepEqual(pids.sort(), shared.map(({ pid }) => pid).sort())
    const seen = delivered.flatMap(({ detail }) => detail.processes ?? [])
    assert.ok(seen.every(({ count, firstMs, lastMs }) => count === 1 && firstMs === lastMs))
    const { stdout } = await stack.admin('audit', 'trace', first?.jti ?? '')
    for (const { pid } of shared) assert.match(stdout, new RegExp(`\\b${pid}\\b`))
  })

  it('shows which process got which certificate', async () => {
    const [first] = certificates
    const { issued, pids } = await reported(first?.serial ?? '', 3)
    assert.equal(issued.detail.attributes?.workload.unix.pid, first?.pid)
    assert.deepEqual(pids.sort(), certificates.map(({ pid }) => pid).sort())
  })

  it('fails for a serial or jti that it does not have', async () => {
    await assert.rejects(stack.admin('audit', 'trace', 'nothing'), /ended with 3/)
  })

  it('shows from where a bot joined', async () => {
    const { stdout } = await stack.admin('audit', 'list', '--event', 'join.accepted', '--json')
    const [row] = JSON.parse(stdout) as Row[]
    assert.match(row?.detail.address ?? '', /127\.0\.0\.1/)
  })
})

async function messageOf(process: WorkloadProcess): Promise<Message> {
  const said = await process.outcome()
  assert.equal(said.event, 'message')
  return (said as { message: Message }).message
}

function jtiOf(message: Message): string {
  const { svids } = message as unknown as { svids: readonly { svid: string }[] }
  return String(parseJws(svids[0]?.svid ?? '').claims['jti'])
}

function serialOf(message: Message): string {
  const { svids } = message as unknown as { svids: readonly { x509Svid: Buffer }[] }
  const [leaf] = splitDer(Buffer.from(svids[0]?.x509Svid ?? []))
  return parseCertificate(leaf as Buffer).serial
}
