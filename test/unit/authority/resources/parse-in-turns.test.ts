import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseFiles } from '../../../../src/authority/resources/parse-in-turns.ts'
import { parseResources } from '../../../../src/config/resources.ts'

const role = (name: string): string =>
  `kind: role\nversion: v1\nmetadata: { name: ${name} }\nspec: {} # ${'x'.repeat(200)}\n`
const names = Array.from({ length: 1500 }, (_, i) => `role-${i}`)
const long = names.map(role).join('---\n')

describe('parseFiles', () => {
  it('reads the same resources at the same lines as in one piece', async () => {
    const whole = parseResources(long, 'f.yaml')
    const { resources, problems } = await parseFiles([{ text: long, name: 'f.yaml' }])
    assert.deepEqual(problems, [])
    assert.deepEqual(
      resources.map((one) => [one.name, one.at(['metadata', 'name'])]),
      whole.resources.map((one) => [one.name, one.at(['metadata', 'name'])]),
    )
  })
  it('finds a second document of the same name in another piece, and a mistake on its line', async () => {
    const text = `${long}---\n${role('role-0')}---\nkind: role\nversion: v2\n`
    const { problems } = await parseFiles([{ text, name: 'f.yaml' }])
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
  it('gives other calls a turn after each file, and many of them within a long one', async () => {
    for (const [texts, least] of [
      [['a', 'b', 'c'].map(role), 3],
      [[long], 15],
    ] as const) {
      let turns = 0
      let next = setImmediate(function count() {
        turns += 1
        next = setImmediate(count)
      })
      const { resources } = await parseFiles(texts.map((text, i) => ({ text, name: `${i}.yaml` })))
      clearImmediate(next)
      assert.ok(resources.length > 0 && turns >= least, `${turns} turns`)
    }
  })

  const comment = `# ${'x'.repeat(200)}`
  const head = (i: number): string => `{ kind: role, version: v1, metadata: { name: role-${i} }, spec: {} }`
  const layouts: Readonly<Record<string, (i: number) => string>> = {
    'in a list': (i) => `- ${head(i)} ${comment}\n`,
    'on the line of its mark': (i) => `--- ${head(i)} ${comment}\n`,
    indented: (i) => `---\n  ${head(i)} ${comment}\n`,
  }
  for (const [layout, format] of Object.entries(layouts)) {
    it(`finds every resource of a long file, each ${layout}`, async () => {
      const text = Array.from({ length: 200 }, (_, i) => format(i)).join('')
      const { resources, problems } = await parseFiles([{ text, name: 'f.yaml' }])
      assert.deepEqual([resources.length, problems], [200, []])
    })
  }

  it('says of a long file that it is empty, once', async () => {
    const { problems } = await parseFiles([{ text: `${comment}\n---\n`.repeat(200), name: 'f.yaml' }])
    assert.deepEqual(problems, ['f.yaml:1: the file is empty'])
  })
})
