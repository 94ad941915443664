import assert from 'node:assert/strict'
import path from 'node:path'
import { describe, it } from 'node:test'
import { join } from '../../src/agent/join/join-as-bot.ts'
import { JOIN_METHODS } from '../../src/agent/join/methods/registry.ts'
import { renew } from '../../src/agent/join/renew.ts'
import type { BotIdentity, StoredIdentity } from '../../src/agent/state/bot-identity.ts'
import { IdentityFile, type IdentityStore } from '../../src/agent/state/identity-file.ts'
import { botCallerOf } from '../../src/authority/caller.ts'
import { loadSealingKey } from '../../src/crypto/sealed.ts'
import { parseCertificate } from '../../src/crypto/x509.ts'
import { silentLogger } from '../../src/foundation/logger.ts'
import { StatusCode } from '../../src/rpc/status.ts'
import type { FakeClock } from '../fakes/fake-clock.ts'
import { createToken, HOUR_MS, openState, temporaryDirectory } from '../support/authority-state.ts'
import { doorTo } from '../support/in-process-door.ts'

const NEVER = new AbortController().signal

/** The agent is killed, and does nothing further. */
class Killed extends Error {}

type Step = 'before save' | 'after save' | 'before answer' | 'after answer'

/** Throws {@link Killed} when a step is reached for the n-th time. */
class Fault {
  readonly #step: Step | undefined
  #left: number

  constructor(step?: Step, nth = 1) {
    this.#step = step
    this.#left = nth
  }

  reach(step: Step): void {
    if (step !== this.#step) return
    this.#left -= 1
    if (this.#left === 0) throw new Killed(step)
  }
}

function faulty(file: IdentityFile, fault: Fault): IdentityStore {
  return {
    get stored() {
      return file.stored
    },
    save: async (stored: StoredIdentity) => {
      fault.reach('before save')
      await file.save(stored)
      fault.reach('after save')
    },
  }
}

async function rig(directory: string) {
  const state = await openState({ dataDir: directory })
  const secret = await createToken(state)
  const places = {
    identityPath: path.join(directory, 'bot-identity.sealed'),
    plainIdentityPath: path.join(directory, 'bot-identity.json'),
  }
  const stateKey = loadSealingKey(Buffer.alloc(32, 3))
  const start = async (fault = new Fault()) => {
    const store = faulty(await IdentityFile.open(places, stateKey, silentLogger), fault)
    const config = {
      join: { token: 'first', method: 'secret', secret: { env: 'JOIN_SECRET' } },
      authority: { address: '', pin: state.keys.current().pin },
    } as const
    return {
      config,
      store,
      door: doorTo(state, (step) => fault.reach(step)),
      methods: JOIN_METHODS,
      clock: state.clock,
      environment: { JOIN_SECRET: secret },
    }
  }
  /** Uses the certificate, as every call of the agent does with its newest one. */
  const use = (identity: BotIdentity): void => {
    const leaf = parseCertificate(identity.chain[0] as Buffer)
    state.bots.use(botCallerOf(leaf, state.clock.now().getTime() / 1000, 'test'))
  }
  return { state, start, use, [Symbol.asyncDispose]: () => state[Symbol.asyncDispose]() }
}

const STEPS: readonly (readonly [Step, number])[] = [
  ['before save', 1],
  ['after save', 1],
  ['before answer', 1],
  ['after answer', 1],
  ['before save', 2],
  ['after save', 2],
]

describe('an agent that is killed while it joins', () => {
  for (const [step, nth] of STEPS) {
    it(`${step} ${nth} is the same instance after a restart`, async () => {
      await using directory = await temporaryDirectory()
      await using authority = await rig(directory.path)
      await assert.rejects(join(await authority.start(new Fault(step, nth)), NEVER), Killed)
      const restarted = await authority.start()
      const identity = restarted.store.stored?.current ?? (await join(restarted, NEVER)).identity
      authority.use(identity)
      assert.equal(authority.state.bots.list().length, 1)
      assert.equal(identity.generation, 1)
    })
  }
})

describe('an agent that is killed while it renews', () => {
  for (const [step, nth] of STEPS) {
    it(`${step} ${nth} continues with the next generation and is not locked`, async () => {
      await using directory = await temporaryDirectory()
      await using authority = await rig(directory.path)
      authority.use((await join(await authority.start(), NEVER)).identity)
      const killed = await authority.start(new Fault(step, nth))
      const before = killed.store.stored as StoredIdentity & { current: BotIdentity }
      await assert.rejects(renew(killed, before), Killed)
      const restarted = await authority.start()
      const stored = restarted.store.stored as StoredIdentity & { current: BotIdentity }
      if (stored.current.generation === 1) {
        authority.use(stored.current) // it uses this one until it has the next
        await renew(restarted, stored)
      }
      const { current } = restarted.store.stored ?? {}
      assert.equal(current?.generation, 2)
      authority.use(current as BotIdentity)
      assert.deepEqual(authority.state.locks.watch.value, [])
    })
  }
})

describe('a bot certificate that has expired', () => {
  const expireAnd = async (afterMs: number) => {
    const directory = await temporaryDirectory()
    const authority = await rig(directory.path)
    authority.use((await join(await authority.start(), NEVER)).identity)
    ;(authority.state.clock as FakeClock).advance(afterMs) // the authority would distrust a sudden jump
    const deps = await authority.start()
    const done = renew(deps, deps.store.stored as StoredIdentity & { current: BotIdentity })
    return { authority, directory, done }
  }

  it('is renewed within the grace time', async () => {
    const { authority, directory, done } = await expireAnd(3 * 24 * HOUR_MS)
    await using _directory = directory
    await using _authority = authority
    assert.equal((await done).identity.generation, 2)
  })

  it('is not renewed after the grace time', async () => {
    const { authority, directory, done } = await expireAnd(9 * 24 * HOUR_MS)
    await using _directory = directory
    await using _authority = authority
    await assert.rejects(done, { status: StatusCode.PERMISSION_DENIED })
  })
})
