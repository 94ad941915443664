import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { parse } from 'yaml'

const root = path.resolve(import.meta.dirname, '../..')
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8')
const RULES = 'deploy/prometheus/signet.rules.yml'
const hasPromtool = spawnSync('promtool', ['--version']).status === 0

/** The names of metrics as the documents list them, which is checked against the sources. */
const known = new Map(
  [...read('docs/reference/metrics.md').matchAll(/^\| `(\w+)[^`]*` \| (\w+) \|/gm)].map(
    ([, name = '', type = '']) => [name, type],
  ),
)

function unknownIn(expression: string): string[] {
  const named = expression.match(/\b(?:signet|process)_\w+/g) ?? []
  return named.filter((name) => {
    const whole = name.replace(/_(?:bucket|sum|count)$/, '')
    return !known.has(name) && known.get(whole) !== 'histogram'
  })
}

describe('what an operator gets for monitoring', () => {
  it('asks in its alert rules only for metrics that exist', () => {
    const { groups } = parse(read(RULES)) as { groups: { rules: { alert: string; expr: string }[] }[] }
    const rules = groups.flatMap((group) => group.rules)
    assert.ok(rules.length > 5)
    for (const { alert, expr } of rules) assert.deepEqual(unknownIn(expr), [], alert)
  })

  it('explains each alert in the runbooks', () => {
    const alerts = [...read(RULES).matchAll(/- alert: (\w+)/g)].map(([, alert]) => alert)
    const explained = [...read('docs/runbooks.md').matchAll(/^\| `(Signet\w+)`/gm)].map(([, alert]) => alert)
    assert.ok(alerts.length > 5)
    assert.deepEqual(explained, alerts)
  })

  it('asks in its dashboard only for metrics that exist', () => {
    const { panels } = JSON.parse(read('deploy/grafana/signet.json')) as {
      panels: { title: string; targets: { expr: string }[] }[]
    }
    for (const { title, targets } of panels) {
      assert.ok(targets.length > 0, title)
      for (const { expr } of targets) assert.deepEqual(unknownIn(expr), [], title)
    }
  })

  it('has rules that Prometheus takes', { skip: !hasPromtool && 'needs promtool' }, () => {
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', path.join(root, RULES)], {
      encoding: 'utf8',
    })
    assert.equal(status, 0, stdout + stderr)
  })
})
