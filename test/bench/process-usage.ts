import { readFileSync } from 'node:fs'

/** Clock ticks a second in /proc/PID/stat; 100 on every Linux that Node supports. */
const TICKS_PER_SECOND = 100

/** Returns the resident memory of a process in KiB, and its CPU time since its start in microseconds. */
export function usageOf(pid: number): { readonly rssKb: number; readonly cpuMicros: number } {
  const rss = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[11]) + Number(fields[12])
  return { rssKb: Number(rss), cpuMicros: (ticks / TICKS_PER_SECOND) * 1e6 }
}
