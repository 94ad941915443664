import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { explainHandlers } from '../../../../src/authority/api/admin/explain.ts'
import type { KeysInUse } from '../../../../src/authority/keys/keys-in-use.ts'
import { formatExplanation } from '../../../../src/policy/format-explanation.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { identityYaml, openCatalogue } from '../../../support/catalogue-rig.ts'

const DAY_S = 86_400
/** Keys that end 30 days and 10 minutes after the clock of the rig began. */
const START_S = new FakeClock().now().getTime() / 1000
const signers = () =>
  ({ x509: { notAfter: START_S + 30 * DAY_S }, jwt: { notAfter: START_S + 600 } }) as unknown as KeysInUse

describe('the explanation that the authority gives', () => {
  it('goes on past a workload identity that this program cannot use', async () => {
    await using rig = await openCatalogue(identityYaml('web'))
    await rig.putSpec('workload_identity', 'later', { spiffe_id: '/{{ nonsense', allow: [] })
    const { Explain } = explainHandlers(rig.catalogue, {
      keys: signers,
      clock: rig.clock,
      defaultLives: { x509TtlSeconds: 3600, jwtTtlSeconds: 300 },
    }) as unknown as {
      Explain: { unary(caller: unknown, request: object): Promise<{ explanationJson: string }> }
    }
    const { explanationJson } = await Explain.unary(undefined, { attributesJson: '{}' })
    const identities: { identity: string; granted: boolean; reason: string }[] =
      JSON.parse(explanationJson).identities
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

  it('says how long the SVIDs would live, and what bounds that', async () => {
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
    const { Explain } = explainHandlers(rig.catalogue, {
      keys: signers,
      clock: rig.clock,
      defaultLives: { x509TtlSeconds: 3600, jwtTtlSeconds: 300 },
    }) as unknown as {
      Explain: { unary(caller: unknown, request: object): Promise<{ explanationJson: string }> }
    }
    const lives = async (attributes: object): Promise<string> => {
      const { explanationJson } = await Explain.unary(undefined, {
        attributesJson: JSON.stringify(attributes),
      })
      return formatExplanation(JSON.parse(explanationJson))
    }
    const anybody = await lives({})
    assert.match(anybody, /usual .*X\.509-SVID for 1h \(the default\), JWT-SVID for 5m \(the default\)/)
    assert.match(
      anybody,
      /long .*X\.509-SVID for 30d \(the end of the key that signs\), JWT-SVID for 10m \(the end/,
    )
    assert.match(await lives({ bot: { name: 'builder' } }), /long .*X\.509-SVID for 8h \(max_ttl of a role\)/)
  })
})
