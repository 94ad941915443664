import assert from 'node:assert/strict'
import { it } from 'node:test'
import { warnOfUnsupportedRules } from '../../../../src/authority/resources/stored-role-warnings.ts'
import { createLogger } from '../../../../src/foundation/logger.ts'
import { botYaml, identityYaml, openCatalogue, roleYaml } from '../../../support/catalogue-rig.ts'

it('reports which rules of stored roles nothing enforces; those grant nothing, and the others stay in force', async () => {
  await using rig = await openCatalogue(identityYaml('web', '', 'a') + roleYaml('plain', 'b'))
  await rig.putSpec('role', 'later', {
    allow: [
      { kind: 'workload_identity', verbs: ['get'] },
      { kind: 'database', name: 'app' },
    ],
    deny: [{ kind: 'bot', verbs: ['get'] }],
  })
  await rig.put(botYaml('builder', ['later']) + botYaml('other', ['plain', 'later']))
  const lines: { event?: string; role?: string; rules?: string[] }[] = []
  warnOfUnsupportedRules(
    rig.catalogue,
    createLogger({ destination: { write: (line) => void lines.push(JSON.parse(line)) } }),
  )
  assert.deepEqual(
    lines.map(({ event, role, rules }) => ({ event, role, rules })),
    [{ event: 'role.rules_unsupported', role: 'later', rules: ['allow.0', 'allow.1', 'deny.0'] }],
  )
  const may = (bot: string, team: string): boolean =>
    rig.catalogue.bounds(bot).mayUse({ name: 'web', labels: { team } })
  assert.deepEqual([may('builder', 'a'), may('other', 'b')], [false, true])
})
