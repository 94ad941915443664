import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createMetrics } from '../../../src/foundation/metrics.ts'

/** The lines of the exposition that are values. */
function values(metrics: { expose(): string }): string[] {
  return metrics
    .expose()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
}

describe('the metrics', () => {
  it('count by label values, and describe themselves', async () => {
    const metrics = createMetrics()
    const joins = metrics.counter('join_total', 'Joins', ['method', 'result'])
    joins.inc({ method: 'secret', result: 'accepted' })
    joins.inc({ result: 'accepted', method: 'secret' }, 2)
    joins.inc({ method: 'secret', result: 'refused' })
    const text = metrics.expose()
    assert.match(text, /# HELP signet_join_total Joins\n# TYPE signet_join_total counter\n/)
    assert.match(text, /signet_join_total\{method="secret",result="accepted"\} 3\n/)
    assert.match(text, /signet_join_total\{method="secret",result="refused"\} 1\n/)
  })

  it('keep label values apart that would run together', async () => {
    const metrics = createMetrics()
    const gauge = metrics.gauge('g', 'G', ['a', 'b'])
    gauge.set(1, { a: 'x,', b: 'y' })
    gauge.set(2, { a: 'x', b: ',y' })
    assert.equal(values(metrics).length, 2)
  })

  it('escape label values', async () => {
    const metrics = createMetrics()
    metrics.gauge('g', 'G', ['a']).set(1, { a: 'x"\n\\' })
    assert.deepEqual(values(metrics), ['signet_g{a="x\\"\\n\\\\"} 1'])
  })

  it('show a metric without labels from the start, and drop a removed one', async () => {
    const metrics = createMetrics()
    metrics.counter('calls_total', 'Calls')
    const gauge = metrics.gauge('open', 'Open', ['api'])
    gauge.inc({ api: 'a' })
    gauge.inc({ api: 'b' }, -1)
    gauge.remove({ api: 'a' })
    assert.deepEqual(values(metrics), ['signet_calls_total 0', 'signet_open{api="b"} -1'])
  })

  it('sum a histogram up to each bound', async () => {
    const metrics = createMetrics()
    const seconds = metrics.histogram('audit_commit_seconds', 'Commit', [0.1, 0.01], ['kind'])
    for (const value of [0.01, 0.05, 5]) seconds.observe(value, { kind: 'a' })
    assert.deepEqual(values(metrics), [
      'signet_audit_commit_seconds_bucket{le="0.01",kind="a"} 1',
      'signet_audit_commit_seconds_bucket{le="0.1",kind="a"} 2',
      'signet_audit_commit_seconds_bucket{le="+Inf",kind="a"} 3',
      'signet_audit_commit_seconds_sum{kind="a"} 5.06',
      'signet_audit_commit_seconds_count{kind="a"} 3',
    ])
  })

  it('compute a collected gauge at each scrape', async () => {
    const metrics = createMetrics()
    let now = 1
    metrics.collected('age_seconds', 'Age', () => now)
    metrics.collected('expiry_seconds', 'Expiry', () => [{ labels: { identity: 'web' }, value: now }])
    assert.deepEqual(values(metrics), ['signet_age_seconds 1', 'signet_expiry_seconds{identity="web"} 1'])
    now = 2
    assert.deepEqual(values(metrics), ['signet_age_seconds 2', 'signet_expiry_seconds{identity="web"} 2'])
  })

  it('are the same objects when requested twice, and never of two types', () => {
    const metrics = createMetrics()
    assert.equal(metrics.counter('a', 'A'), metrics.counter('a', 'A'))
    assert.throws(() => metrics.gauge('a', 'A'), { code: 'ERR_METRIC_CLASH' })
    assert.throws(() => metrics.histogram('a', 'A', [1]), { code: 'ERR_METRIC_CLASH' })
  })
})
