import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createMetrics } from '../../../src/foundation/metrics.ts'
import { exposeProcess } from '../../../src/foundation/process-metrics.ts'

it('shows what the process is, what it uses, and what JavaScript has of its memory', async () => {
  const metrics = createMetrics()
  exposeProcess(metrics)
  const text = metrics.expose()
  for (const line of [
    /^process_open_fds [1-9]\d*$/m,
    /^process_max_fds (?:\d+|\+Inf)$/m,
    /^process_resident_memory_bytes \d+$/m,
    /^process_start_time_seconds 1\d{9}/m,
    /^# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total \d/m,
    /^signet_build_info\{version="[^"]+",node="v\d+[^"]+"\} 1$/m,
  ]) {
    assert.match(text, line)
  }
  for (const part of ['resident', 'heap', 'heap_used', 'array_buffers']) {
    assert.match(text, new RegExp(`^signet_memory_bytes\\{part="${part}"\\} \\d+$`, 'm'))
  }
})
