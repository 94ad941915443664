import assert from 'node:assert/strict'
import { it } from 'node:test'
import { exposeMemory } from '../../../src/foundation/memory-metrics.ts'
import { createMetrics } from '../../../src/foundation/metrics.ts'

it('shows what is resident, and what JavaScript has of it', async () => {
  const metrics = createMetrics()
  exposeMemory(metrics)
  const text = metrics.expose()
  for (const part of ['resident', 'heap', 'heap_used', 'array_buffers']) {
    assert.match(text, new RegExp(`^signet_memory_bytes\\{part="${part}"\\} \\d+$`, 'm'))
  }
})
