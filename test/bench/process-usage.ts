import { readFileSync } from 'node:fs'

/** Ticks a second of /proc/PID/stat's times; 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

/** Resident memory in KiB, and CPU time in microseconds since its start. */
export function usageOf(pid: number): { readonly rssKb: number; readonly cpuMicros: number } {
  const rss = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[11]) + Number(fields[12])
  return { rssKb: Number(rss), cpuMicros: (ticks / TICKS_PER_SECOND) * 1e6 }
}
