import { setTimeout as pause } from 'node:timers/promises'
import { identityFor, Stack } from '../support/stack.ts'
import type { Figure } from './figure.ts'
import { type Hold, hold } from './holder.ts'
import { usageOf } from './process-usage.ts'

const MIB = 1024 * 1024
const STRANGER = 64_321
const REST_MS = 15_000

interface Attack {
  readonly what: string
  readonly on: 'authority' | 'agent'
  readonly hold: (stack: Stack) => Omit<Hold, 'seconds'>
}

const ATTACKS: readonly Attack[] = [
  {
    what: 'authority: 256 requests of 4 MiB that never end, without a certificate',
    on: 'authority',
    hold: (stack) => ({
      target: authorityOf(stack),
      method: '/signet.v1.JoinService/Join',
      connections: 1,
      streams: 256,
      bytes: 4 * MIB,
    }),
  },
  {
    what: 'authority: requests of 4 KiB that become 4 MiB, 128 at a time, without a certificate',
    on: 'authority',
    hold: (stack) => ({
      target: authorityOf(stack),
      method: '/signet.v1.JoinService/Join',
      connections: 1,
      streams: 128,
      bytes: 4 * MIB - 100,
      isCompressed: true,
    }),
  },
  {
    what: 'authority: 4 requests of 64 MiB on each of 8 admin connections that never end',
    on: 'authority',
    hold: (stack) => ({
      target: { path: stack.authoritySocket },
      method: '/signet.v1.AdminService/Apply',
      connections: 8,
      streams: 4,
      bytes: 60 * MIB,
    }),
  },
  {
    what: 'agent: 10 240 requests of 127 KiB that never end, of a user without an identity',
    on: 'agent',
    hold: (stack) => ({
      target: { path: stack.socket },
      uid: STRANGER,
      method: '/SpiffeWorkloadAPI/FetchJWTSVID',
      connections: 80,
      streams: 128,
      bytes: 127 * 1024,
    }),
  },
  {
    what: 'agent: requests that become 127 KiB, 1 024 at a time, of a user without an identity',
    on: 'agent',
    hold: (stack) => ({
      target: { path: stack.socket },
      uid: STRANGER,
      method: '/SpiffeWorkloadAPI/FetchJWTSVID',
      connections: 8,
      streams: 128,
      bytes: 127 * 1024,
      isCompressed: true,
    }),
  },
  {
    what: 'agent: 4 096 requests of 127 KiB at the admin socket that never end',
    on: 'agent',
    hold: (stack) => ({
      target: { path: stack.agentAdminSocket },
      method: '/signet.v1.AgentAdminService/GetStatus',
      connections: 32,
      streams: 128,
      bytes: 127 * 1024,
    }),
  },
]

/** Measures how much memory peers can make the two programs hold, and whether it is released afterwards. */
export async function measureHeld(seconds: number): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const attack of ATTACKS) {
    await using stack = await Stack.start()
    await stack.apply(identityFor(process.getuid?.() ?? 0))
    using client = stack.client()
    await client.first('FetchX509SVID')
    await pause(1_500)
    const { pid } = stack[attack.on]
    const before = usageOf(pid).rssKb
    let most = before
    const look = (): void => {
      most = Math.max(most, usageOf(pid).rssKb)
    }
    await hold({ ...attack.hold(stack), seconds: Math.max(5, seconds) }, look)
    await pause(REST_MS)
    const after = usageOf(pid).rssKb
    await client.first('FetchX509SVID') // it still works
    figures.push({
      what: attack.what,
      value: (most - before) / 1024,
      unit: 'MiB more at most',
      detail: { before: before / 1024, 'MiB more 15 s after': (after - before) / 1024 },
    })
  }
  return figures
}

function authorityOf({ address }: Stack): { host: string; port: number } {
  const [host = '', port] = address.split(':')
  return { host, port: Number(port) }
}
