import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ExplainDeps, explainHandlers } from '../../../../src/authority/api/admin/explain.ts'
import type { KeysInUse } from '../../../../src/authority/keys/keys-in-use.ts'
import type { Explanation } from '../../../../src/policy/compile.ts'
import { formatExplanation } from '../../../../src/policy/format-explanation.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { type CatalogueRig, identityYaml, openCatalogue } from '../../../support/catalogue-rig.ts'

const DAY_S = 86_400
/** Keys that expire 30 days and 10 minutes after the rig's clock starts. */
const START_S = new FakeClock().now().getTime() / 1000
const signers = () =>
  ({
    signer: () => ({ notAfter: START_S + 30 * DAY_S }),
    jwt: { notAfter: START_S + 600 },
  }) as unknown as KeysInUse

type Ask = (attributes: object | string) => Promise<Explanation>

function asking(rig: CatalogueRig, more: Partial<ExplainDeps> = {}): Ask {
  const { catalogue, clock } = rig
  const { Explain } = explainHandlers(catalogue, {
    keys: signers,
    clock,
    defaultLives: { x509TtlSeconds: 3600, jwtTtlSeconds: 300 },
    bounds: (bot) => catalogue.bounds(bot),
    lockOn: () => undefined,
    hasBot: (name) => catalogue.get('bot', name) !== undefined,
    traits: () => ({ team: 'pay' }),
    instance: () => undefined,
    ...more,
  }) as unknown as {
    Explain: { unary(caller: unknown, request: object): Promise<{ explanationJson: string }> }
  }
  return async (attributes) => {
    const attributesJson = typeof attributes === 'string' ? attributes : JSON.stringify(attributes)
    return JSON.parse((await Explain.unary(undefined, { attributesJson })).explanationJson)
  }
}

describe("the authority's explanation", () => {
  it('skips a workload identity that this version cannot use, and goes on', async () => {
    await using rig = await openCatalogue(identityYaml('web'))
    await rig.putSpec('workload_identity', 'later', { spiffe_id: '/{{ nonsense', allow: [] })
    const { identities } = await asking(rig)({})
    assert.deepEqual(
      identities.map(({ identity, granted }) => [identity, granted]),
      [
        ['later', false],
        ['web', false],
      ],
    )
    assert.match(identities[0]?.reason ?? '', /cannot use it/)
    assert.doesNotMatch(identities[1]?.reason ?? '', /cannot use it/)
  })

  it('says how long the SVIDs would live, and what limits that', async () => {
    const spec = (more: string): string => `  allow: [{ when: 'true' }]\n${more}`
    await using rig = await openCatalogue(`
kind: role
version: v1
metadata: { name: short }
spec: { max_ttl: 8h, allow: [{ kind: workload_identity }] }
---
kind: bot
version: v1
metadata: { name: builder }
spec: { roles: [short] }
---
kind: workload_identity
version: v1
metadata: { name: usual }
spec:
  spiffe_id: /usual
${spec('')}
---
kind: workload_identity
version: v1
metadata: { name: long }
spec:
  spiffe_id: /long
${spec('  x509: { ttl: 90d }\n  jwt: { ttl: 24h }')}
`)
    const ask = asking(rig)
    const lives = async (attributes: object): Promise<string> => formatExplanation(await ask(attributes))
    const anybody = await lives({})
    assert.match(anybody, /usual .*X\.509-SVID for 1h \(the default\), JWT-SVID for 5m \(the default\)/)
    assert.match(
      anybody,
      /long .*X\.509-SVID for 30d \(the expiry of the signing key\), JWT-SVID for 10m \(the expiry/,
    )
    assert.match(await lives({ bot: { name: 'builder' } }), /long .*X\.509-SVID for 8h \(max_ttl of a role\)/)
  })
  describe('considers the bounds above the rules', () => {
    const TWO_BOTS = `
kind: role
version: v1
metadata: { name: all }
spec: { allow: [{ kind: workload_identity }] }
---
kind: bot
version: v1
metadata: { name: builder }
spec: { roles: [all] }
---
kind: bot
version: v1
metadata: { name: idle }
spec: { roles: [] }
---
kind: workload_identity
version: v1
metadata: { name: web }
spec:
  spiffe_id: /web
  allow: [{ match: { workload.unix.uid: 1000 } }]
`
    const CALLER = { workload: { unix: { uid: 1000 } } }
    const LOCK = { name: 'lost-laptop', reason: 'lost laptop' }
    const INSTANCE = {
      id: '01J',
      bot: 'builder',
      joinToken: 'first',
      joinMethod: 'secret',
      joinAttributes: {},
    }
    const verdict = async (attributes: object, more: Partial<ExplainDeps> = {}): Promise<string> => {
      await using rig = await openCatalogue(TWO_BOTS)
      const { identities, notConsidered = [] } = await asking(rig, more)({ ...CALLER, ...attributes })
      const [web] = identities
      const granted = ['granted', ...(web?.onlyIf === undefined ? [] : [web.onlyIf])].join(' only if ')
      return [web?.granted ? granted : web?.reason, ...notConsidered].join('; not considered: ')
    }

    it('says that it does not know whose agent asks, and grants nothing without a condition', async () => {
      assert.match(
        await verdict({}),
        /^granted only if a role of the bot permits it and nothing locks the bot; not considered: roles and locks/,
      )
    })
    it('grants to a bot with a role for it', async () => {
      assert.match(
        await verdict({ bot: { name: 'builder' } }),
        /^granted; not considered: locks on one instance/,
      )
    })
    it('refuses to a bot without one', async () => {
      assert.match(await verdict({ bot: { name: 'idle' } }), /^no role of the bot permits/)
    })
    it('names a lock on the bot, with its reason', async () => {
      const lockOn: ExplainDeps['lockOn'] = ({ bot }) => (bot === 'builder' ? LOCK : undefined)
      assert.match(await verdict({ bot: { name: 'builder' } }, { lockOn }), /^lock lost-laptop: lost laptop/)
    })
    it('names a lock on the SPIFFE ID', async () => {
      const lockOn: ExplainDeps['lockOn'] = ({ spiffeId }) => (spiffeId?.endsWith('/web') ? LOCK : undefined)
      assert.match(await verdict({}, { lockOn }), /^lock lost-laptop: lost laptop/)
    })
    it('of an instance leaves nothing out', async () => {
      const instance = (): typeof INSTANCE => INSTANCE
      assert.equal(await verdict({ bot: { instance_id: '01J' } }, { instance }), 'granted')
      const lockOn: ExplainDeps['lockOn'] = ({ botInstance }) => (botInstance === '01J' ? LOCK : undefined)
      assert.match(await verdict({ bot: { instance_id: '01J' } }, { instance, lockOn }), /^lock lost-laptop/)
    })
    it('refuses attributes that contradict known ones', async () => {
      const instance = (): typeof INSTANCE => INSTANCE
      const known = { code: 'ERR_ATTRIBUTES_INVALID', message: /is known and cannot be given/ }
      const join = { method: 'oidc' }
      await assert.rejects(verdict({ bot: { instance_id: '01J' }, join }, { instance }), known)
      await assert.rejects(verdict({ bot: { name: 'builder', traits: { team: 'admin' } } }), known)
      const unknown = { code: 'ERR_ATTRIBUTES_INVALID', message: /there is no bot/ }
      await assert.rejects(verdict({ bot: { name: 'nobody' } }), unknown)
      await assert.rejects(verdict({ bot: { instance_id: '01K' } }), unknown)
    })
  })

  for (const [json, message] of [
    ['{"workload":{"unix":{"uid":"0"}}}', /workload.unix.uid is not of the type int/],
    ['{"workload":{"unix":{"uuid":0}}}', /there is no attribute "workload.unix.uuid"/],
    ['{"worklod":{}}', /there is no attribute "worklod"/],
    ['{"bot":{"nme":"a"}}', /unknown attribute "bot.nme"/],
    ['{"bot":{"name":7}}', /bot.name is not of the type string/],
    ['{"bot":{"traits":{"a":1}}}', /bot.traits is a group of texts/],
    ['{"join":"secret"}', /join is a group of attributes/],
    ['[]', /expected attributes as JSON/],
  ] as const) {
    it(`is refused for ${json}, and says why`, async () => {
      await using rig = await openCatalogue()
      await assert.rejects(asking(rig)(json), { code: 'ERR_ATTRIBUTES_INVALID', message })
    })
  }
})
