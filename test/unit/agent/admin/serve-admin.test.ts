import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { type AdminDeps, serveAdmin } from '../../../../src/agent/admin/serve-admin.ts'
import type { Knowledge } from '../../../../src/agent/sync/knowledge.ts'
import { Watchable } from '../../../../src/foundation/watchable.ts'
import type { Peer } from '../../../../src/peer/peer.ts'
import type { Explanation } from '../../../../src/policy/compile.ts'
import type { RpcServer } from '../../../../src/rpc/server.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { FakeIssuer } from '../../../fakes/fake-issuer.ts'
import { FakeKernel } from '../../../fakes/fake-kernel.ts'
import { type Identities, knowledgeOf, policyOf } from '../../../fakes/fake-knowledge.ts'

const WEB: Identities = { web: { spiffe_id: '/web', allow: [{ match: { 'workload.unix.uid': 1000 } }] } }
const CALLER = { workload: { unix: { uid: 1000 } } }

describe("an agent's explanation", () => {
  let issuer: FakeIssuer
  before(async () => {
    issuer = await FakeIssuer.create(new FakeClock())
  })

  /** The handler as it is added to a server, and the processes that it had attested. */
  function create(known: Partial<Knowledge> | 'nothing' = {}) {
    const kernel = new FakeKernel()
    const attested: number[] = []
    const deps: AdminDeps = {
      kernel,
      attestation: {
        attest: async ({ credentials }: Peer) => {
          attested.push(credentials.pid)
          return CALLER
        },
      },
      knowledge: new Watchable(known === 'nothing' ? undefined : knowledgeOf(issuer, WEB, known)),
      maxIdentitiesPerCaller: 2,
      clock: new FakeClock(),
      status: () => ({}),
    }
    let explain: (peer: unknown, request: object) => Promise<{ explanationJson: string }>
    const add = (_name: string, handlers: { Explain: { unary: typeof explain } }): void => {
      explain = handlers.Explain.unary
    }
    serveAdmin({ add } as unknown as RpcServer<Peer>, deps)
    const ask = async (request: object): Promise<Explanation> =>
      JSON.parse((await explain(undefined, request)).explanationJson)
    return {
      kernel,
      attested,
      ofAttributes: (attributesJson: string) => ask({ subject: 'attributesJson', attributesJson }),
      ofPid: (pid: number) => ask({ subject: 'pid', pid }),
      ask,
    }
  }

  const granted = ({ identities }: Explanation) =>
    identities.map(({ granted, reason }) => (granted ? 'granted' : reason))

  it('contains the decision and the facts of the bot', async () => {
    const explanation = await create().ofAttributes(JSON.stringify(CALLER))
    assert.deepEqual(granted(explanation), ['granted'])
    assert.equal(explanation.identities[0]?.spiffeId, 'spiffe://example.org/web')
    assert.deepEqual(explanation.attributes['bot'], { name: 'builder' })
  })

  it('lists identities in the order of delivery, and says which are left out', async () => {
    const allow = [{ match: { 'workload.unix.uid': 1000 } }]
    const identities = { a: { spiffe_id: '/a', allow }, b: { spiffe_id: '/b', allow, priority: 5 }, ...WEB }
    const policy = policyOf(identities)
    const explanation = await create({ policy }).ofAttributes(JSON.stringify(CALLER))
    assert.deepEqual(
      explanation.identities.map(({ identity, order, note }) => [identity, order, note !== undefined]),
      [
        ['b', 1, false],
        ['a', 2, false],
        ['web', 3, true],
      ],
    )
  })

  it('of a process says what it would get if it connected, and leaves no open question', async () => {
    const { ofPid, kernel, attested } = create()
    assert.deepEqual(granted(await ofPid(812)), ['granted'])
    assert.deepEqual(attested, [812])
    assert.equal(kernel.openPidfds.size, 0)
  })

  it('says that there is no such process', async () => {
    await assert.rejects(create().ofPid(813), { code: 'ERR_PEER_PROCESS_NOT_FOUND' })
  })

  it('says why there is none before the first sync', async () => {
    await assert.rejects(create('nothing').ofAttributes('{}'), { code: 'ERR_AGENT_NOTHING_KNOWN' })
  })

  for (const [what, knowledge, reason] of [
    ['is locked', { botLock: 'a lock on the bot' }, 'a lock on the bot'],
    ['has no role for it', { checkRoles: () => ({ refused: 'no role allows it' }) }, 'no role allows it'],
    ['has a lock on the SPIFFE ID', { lockOn: () => 'a lock on the SPIFFE ID' }, 'a lock on the SPIFFE ID'],
  ] as const) {
    it(`names the bound above the rules when the bot ${what}`, async () => {
      const { ofAttributes } = create(knowledge)
      assert.deepEqual(granted(await ofAttributes(JSON.stringify(CALLER))), [reason])
    })
  }

  it("keeps the rules' reason for a caller that they refuse anyway", async () => {
    const { ofAttributes } = create({ botLock: 'it is locked' })
    const [said] = granted(await ofAttributes('{"workload":{"unix":{"uid":7}}}'))
    assert.doesNotMatch(said ?? '', /locked/)
  })

  for (const json of [
    '',
    '{',
    '[]',
    '7',
    'null',
    '"text"',
    '{"a":null}',
    '{"a":[{}]}',
    '{"a":1}',
    '{"workload":1}',
  ]) {
    it(`is refused for the attributes ${JSON.stringify(json)}`, async () => {
      await assert.rejects(create().ofAttributes(json), { code: 'ERR_AGENT_EXPLAIN_REQUEST' })
    })
  }
  for (const [json, message] of [
    ['{"workload":{"unix":{"uid":"0"}}}', /workload.unix.uid is not of the type int/],
    ['{"workload":{"unix":{"uuid":0}}}', /there is no attribute "workload.unix.uuid"/],
    ['{"join":{"method":"oidc"}}', /join.\* of this agent is known/],
    ['{"bot":{"name":"admin"}}', /bot.\* of this agent is known/],
  ] as const) {
    it(`is refused for ${json}, and says why`, async () => {
      await assert.rejects(create().ofAttributes(json), { code: 'ERR_AGENT_EXPLAIN_REQUEST', message })
    })
  }
  for (const pid of [0, -1, Number.NaN]) {
    it(`is refused for the pid ${pid}`, async () => {
      await assert.rejects(create().ofPid(pid), { code: 'ERR_AGENT_EXPLAIN_REQUEST' })
    })
  }
  for (const request of [{}, { subject: 'pid' }]) {
    it(`is refused for the request ${JSON.stringify(request)}`, async () => {
      await assert.rejects(create().ask(request), { code: 'ERR_AGENT_EXPLAIN_REQUEST' })
    })
  }
})
