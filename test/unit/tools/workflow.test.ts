import assert from 'node:assert/strict'
import { accessSync, constants } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { readDocument } from '../../../tools/documents/read.ts'

interface Workflow {
  readonly permissions: object
  readonly jobs: Readonly<
    Record<string, { readonly permissions: object; readonly steps: readonly { readonly run?: string }[] }>
  >
}

const text = readDocument('.github/workflows/ci.yml')
const workflow: Workflow = parse(text)

describe('the hosted workflow', () => {
  it('may only read the sources', () => {
    assert.deepEqual(workflow.permissions, {})
    for (const { permissions } of Object.values(workflow.jobs))
      assert.deepEqual(permissions, { contents: 'read' })
  })

  it('uses actions at a commit, and names their version', () => {
    const used = Array.from(text.matchAll(/uses: (.*)$/gm), ([, action = '']) => action)
    assert.ok(used.length > 0)
    for (const action of used) assert.match(action, /^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
  })

  it('runs .ci/run, which can be run anywhere', () => {
    const runs = Object.values(workflow.jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []))
    assert.deepEqual(runs, ['.ci/run'])
    accessSync(path.resolve(import.meta.dirname, '../../../.ci/run'), constants.X_OK)
  })
})
