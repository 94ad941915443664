import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { explainHandlers } from '../../../../src/authority/api/admin/explain.ts'
import { identityYaml, openCatalogue } from '../../../support/catalogue-rig.ts'

describe('the explanation that the authority gives', () => {
  it('goes on past a workload identity that this program cannot use', async () => {
    await using rig = await openCatalogue(identityYaml('web'))
    await rig.putSpec('workload_identity', 'later', { spiffe_id: '/{{ nonsense', allow: [] })
    const { Explain } = explainHandlers(rig.catalogue) as unknown as {
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
})
