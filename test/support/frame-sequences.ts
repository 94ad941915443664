import {
  callHeadersTo,
  END_HEADERS,
  END_STREAM,
  field,
  frame,
  GREETING,
  message,
  settings,
  TYPE,
  words,
} from './frames.ts'

/** The methods that a sequence calls: one of each shape, and one that does not exist. */
export const PATHS = [
  '/SpiffeWorkloadAPI/FetchX509SVID',
  '/SpiffeWorkloadAPI/FetchJWTBundles',
  '/SpiffeWorkloadAPI/FetchJWTSVID',
  '/grpc.health.v1.Health/Check',
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  '/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets',
  '/none',
]

/** A seeded generator of pseudorandom numbers (mulberry32). */
export function seeded(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

/** The bytes of a client session, including steps that no client would take. */
export function sequence(
  random: (below: number) => number,
  authority: Buffer = field(':authority', 'a'),
  paths: readonly string[] = PATHS,
): Buffer {
  const pick = <T>(of: readonly T[]): T => of[random(of.length)] as T
  const trailers = Buffer.concat([field('a', 'b'.repeat(40)), field('c', 'd', true)])
  const frames: Buffer[] = [GREETING]
  let last = -1
  const steps: (() => void)[] = [
    () => {
      last += 2
      const flags = END_HEADERS | (random(4) === 0 ? END_STREAM : 0)
      frames.push(frame(TYPE.headers, flags, last, callHeadersTo([authority], pick(paths))))
    },
    () => frames.push(frame(TYPE.data, random(2), Math.max(1, last), message(Buffer.alloc(random(3))))),
    () => frames.push(frame(TYPE.data, END_STREAM, 1 + 2 * random(5), message())),
    () => frames.push(frame(TYPE.reset, 0, 1 + 2 * random(5), words(random(14)))),
    () => frames.push(frame(TYPE.headers, pick([0, 1, 4, 5]), 1 + 2 * random(5), trailers)),
    () => frames.push(frame(TYPE.continuation, pick([0, END_HEADERS]), Math.max(1, last), trailers)),
    () => frames.push(frame(TYPE.settings, 0, 0, settings([random(8), random(2 ** 31)], [4, random(3)]))),
    () => frames.push(frame(TYPE.settings, 1, 0)),
    () => frames.push(frame(TYPE.window, 0, random(2) * Math.max(1, last), words(random(2 ** 31)))),
    () => frames.push(frame(TYPE.priority, 0, Math.max(1, last), Buffer.concat([words(1), Buffer.of(5)]))),
    () => frames.push(frame(TYPE.goaway, 0, 0, words(0, random(4)))),
    () => frames.push(frame(TYPE.ping, random(2), 0, Buffer.alloc(8))),
    () => frames.push(frame(random(256), random(256), random(10), Buffer.alloc(random(30), random(256)))),
  ]
  frames.push(frame(TYPE.headers, END_HEADERS, 1, callHeadersTo([authority], pick(paths))))
  last = 1
  for (let left = random(12); left > 0; left--) pick(random(3) === 0 ? steps : steps.slice(0, 9))()
  const bytes = Buffer.concat(frames)
  for (let flips = random(3); flips > 0; flips--)
    bytes[GREETING.length + random(bytes.length - 33)] = random(256)
  return random(2) === 0 ? bytes : bytes.subarray(0, GREETING.length + random(bytes.length - 33))
}
