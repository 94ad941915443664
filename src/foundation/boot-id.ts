import { readFileSync } from 'node:fs'

/** Returns the kernel's boot ID, which differs after each boot; undefined where there is none. */
export function readBootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return undefined // callers then rely on what else they know
  }
}
