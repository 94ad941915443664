import { AUDIT_EVENT_NAMES } from '../authority/audit/event-names.ts'
import { systemClock } from '../foundation/clock.ts'
import { connectAuthority } from './connections.ts'
import { list, listInstances } from './lists.ts'

/** Somebody waits at a keyboard. */
const PATIENCE_MS = 1_500
/** What no shell reads as anything but a word. */
const PLAIN = /^[\w.@:/-]+$/

/** The names of a kind that the authority has now; none when it does not say. */
export async function knownNames(kind: string, adminSocket: string | undefined): Promise<readonly string[]> {
  if (kind === 'event') return AUDIT_EVENT_NAMES
  try {
    using client = connectAuthority(adminSocket === undefined ? {} : { adminSocket })
    const asked =
      kind === 'bot_instance'
        ? listInstances(client).then((found) => found.map(({ id }) => id))
        : list(client, kind).then((found) => found.map(({ name }) => name))
    const late = Promise.withResolvers<readonly string[]>()
    const waiting = systemClock.schedule(PATIENCE_MS, () => late.resolve([]))
    const names = await Promise.race([asked, late.promise])
    waiting.cancel()
    return names.filter((name) => PLAIN.test(name))
  } catch {
    return [] // a shell that completes a word has no place for an error
  }
}
