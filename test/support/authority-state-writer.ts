// Writes as fast as possible until it is killed, and reports on stdout what was confirmed as
// durable. With `archive` it also archives all the time.
import { setTimeout } from 'node:timers/promises'
import { systemClock } from '../../src/foundation/clock.ts'
import { createToken, join, newKey, openState, renew, shown } from './authority-state.ts'

const [dataDir = '', round = '', archiving] = process.argv.slice(2)
const state = await openState({ dataDir, clock: systemClock })
const name = `token-${round}`
const secret = await createToken(state, { name, maxUses: 1_000_000 })
process.stdout.write('ready\n')

/** Agents that join, use their certificate and renew it, one after another. */
async function agents(): Promise<never> {
  for (;;) {
    const first = await join(state, await newKey(), secret, { joinToken: name })
    process.stdout.write(`joined ${first.botInstanceId}\n`)
    state.bots.use(shown(first))
    const second = await renew(state, first, await newKey())
    process.stdout.write(`renewed ${second.botInstanceId}\n`)
  }
}

async function events(worker: number): Promise<never> {
  for (let n = 0; ; n++) {
    const ref = `${round}-${worker}-${n}`
    await state.audit.record('authority.stopped', 'uid:0', { reason: 'x'.repeat(200) }, ref)
    process.stdout.write(`recorded ${ref}\n`)
  }
}

async function archives(): Promise<never> {
  for (;;) {
    await setTimeout(20)
    const { file } = await state.audit.archive(Date.now(), 'uid:0')
    process.stdout.write(`archived ${file}\n`)
  }
}

if (archiving === 'archive') await Promise.all([events(0), events(1), archives()])
await Promise.all([agents(), agents(), ...Array.from({ length: 20 }, (_, worker) => events(worker))])
