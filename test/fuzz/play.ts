import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { sequence } from '../support/frame-sequences.ts'
import type { Door } from './doors.ts'

/**
 * Plays one connection. `cut` decides how many bytes are sent, whether it reads, and when it is
 * broken off.
 */
export async function play(door: Door, cut: (below: number) => number): Promise<void> {
  const bytes = sequence(cut, undefined, door.paths)
  const socket = door.open()
  socket.on('error', () => undefined)
  const refused = await Promise.race([
    once(socket, door.opened).then(() => false),
    new Promise<boolean>((resolve) => socket.once('close', () => resolve(true))),
  ]).catch(() => true)
  if (refused) return
  if (cut(2) === 0) socket.resume()
  const half = cut(2) === 0 ? 0 : cut(bytes.length)
  socket.write(bytes.subarray(0, half))
  await sleep(1)
  socket.write(bytes.subarray(half))
  await sleep(cut(6))
  if (cut(3) === 0) socket.end()
  else socket.destroy()
  if (!socket.destroyed) setTimeout(() => socket.destroy(), cut(20))
}
