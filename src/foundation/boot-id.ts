import { readFileSync } from 'node:fs'

/** Another text after each boot of the host; undefined where the kernel does not tell. */
export function readBootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return undefined // whoever asks goes by what else there is
  }
}
