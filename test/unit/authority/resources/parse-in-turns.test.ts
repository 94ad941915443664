import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseInTurns } from '../../../../src/authority/resources/parse-in-turns.ts'
import { parseResources } from '../../../../src/config/resources.ts'

const role = (name: string): string =>
  `kind: role\nversion: v1\nmetadata: { name: ${name} }\nspec: {} # ${'x'.repeat(200)}\n`
const names = Array.from({ length: 1500 }, (_, i) => `role-${i}`)
const long = names.map(role).join('---\n')

describe('parseInTurns', () => {
  it('reads the same resources at the same lines as in one piece', async () => {
    const whole = parseResources(long, 'f.yaml')
    const { resources, problems } = await parseInTurns(long, 'f.yaml')
    assert.deepEqual(problems, [])
    assert.deepEqual(
      resources.map((one) => [one.name, one.at(['metadata', 'name'])]),
      whole.resources.map((one) => [one.name, one.at(['metadata', 'name'])]),
    )
  })
  it('finds a second document of the same name in another piece, and a mistake on its line', async () => {
    const text = `${long}---\n${role('role-0')}---\nkind: role\nversion: v2\n`
    const { problems } = await parseInTurns(text, 'f.yaml')
    const lines = 1500 * 5
    assert.ok(
      problems.includes(`f.yaml:${lines + 3}: metadata.name: role role-0 is already at f.yaml:1`),
      problems.join('\n'),
    )
    assert.ok(
      problems.some((problem) => problem.startsWith(`f.yaml:${lines + 7}: `)),
      problems.join('\n'),
    )
  })
})
