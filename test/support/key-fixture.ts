import { FakeClock } from '../fakes/fake-clock.ts'
import { type AuthorityState, openState, temporaryDirectory } from './authority-state.ts'

export async function fixture(lifetimes: Parameters<typeof openState>[0]['lifetimes'] = {}) {
  const place = await temporaryDirectory()
  const clock = new FakeClock()
  const reopen = () => openState({ dataDir: place.path, clock, lifetimes })
  return { place, clock, reopen, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() }
}

export const states = (state: AuthorityState, purpose: string) =>
  state.keys.list().flatMap((key) => (key.purpose === purpose ? [key.state] : []))

export const seconds = (clock: FakeClock) => clock.now().getTime() / 1000
