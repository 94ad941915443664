import { monitorEventLoopDelay } from 'node:perf_hooks'
import { KeyPools } from '../../src/agent/svid-cache/key-pools.ts'
import { JwsSigner } from '../../src/crypto/jws.ts'
import { SIGNING_ALGORITHMS, SIGNING_KEYS } from '../../src/crypto/jws-algorithm.ts'
import { generateKeyPair, KEY_TYPES } from '../../src/crypto/keys.ts'
import { createMetrics } from '../../src/foundation/metrics.ts'
import { RpcClient } from '../../src/rpc/client.ts'
import { identityFor, Stack } from '../support/stack.ts'
import { type Figure, latencyFigure } from './figure.ts'

const UID = process.getuid?.() ?? 0
/** A uid without processes: an identity for it makes the agent prepare a key, and nothing requests it. */
const NOBODY = 64_000
const ROUNDS = 5
const BURST = 99

/** Measures the cost of key types and of JWT-SVID algorithms, and whom they delay. */
export async function measureKeys(seconds: number): Promise<Figure[]> {
  return [
    ...(await keysMade(seconds)),
    ...(await tokensSigned(seconds)),
    ...(await firstSvids()),
    ...(await burst()),
  ]
}

/** Runs the task for this time and measures the event loop's delay meanwhile. */
async function rateOf(what: string, seconds: number, task: () => Promise<unknown>): Promise<Figure> {
  await task()
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const begun = performance.now()
  let n = 0
  for (; performance.now() < begun + seconds * 1000; n++) await task()
  const value = (n / (performance.now() - begun)) * 1000
  delay.disable()
  const detail = { 'loop delay p99 ms': delay.percentile(99) / 1e6, 'max ms': delay.max / 1e6 }
  return { what, value, unit: '/s', detail }
}

async function keysMade(seconds: number): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const type of KEY_TYPES) {
    const pools = new KeyPools(createMetrics())
    figures.push(await rateOf(`keys ${type} taken from the pool`, seconds, () => pools.take(type, 0)))
  }
  return figures
}

async function tokensSigned(seconds: number): Promise<Figure[]> {
  const claims = { sub: 'spiffe://bench.example/web', aud: ['bench'], iat: 1, exp: 2, jti: 'bench' }
  const figures: Figure[] = []
  for (const alg of SIGNING_ALGORITHMS) {
    const { privateKey } = await generateKeyPair(SIGNING_KEYS[alg])
    const signer = new JwsSigner({ alg, kid: 'bench', typ: 'JWT', privateKey })
    const what = `tokens ${alg} signed in threads, two at once`
    const two = await rateOf(what, seconds, () =>
      Promise.all([signer.signInThread(claims), signer.signInThread(claims)]),
    )
    figures.push({ ...two, value: two.value * 2 })
  }
  return figures
}

const ofType = (type: string): string => `  x509: { key_type: ${type} }`

/** Measures the time from the call that applies an identity to its SVID on an open stream. */
async function firstSvids(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const [what, type, warm] of [
    ['ec-p256', 'ec-p256', false],
    ['rsa-2048, the first of its type', 'rsa-2048', false],
    ['rsa-2048, with a prepared key', 'rsa-2048', true],
  ] as const) {
    const times: number[] = []
    for (let n = 0; n < ROUNDS; n++) {
      await using stack = await Stack.start()
      await stack.apply(identityFor(UID, 'first'))
      if (warm) await stack.apply(identityFor(NOBODY, 'nobody', ofType(type)))
      using client = stack.client()
      using stream = client.stream('FetchX509SVID', {}, { deadlineMs: Infinity })
      await stream.next()
      if (warm) await new Promise((resolve) => setTimeout(resolve, 1500)) // until the key is generated
      using admin = new RpcClient({ target: { unixPath: stack.authoritySocket } })
      const text = identityFor(UID, 'second', ofType(type))
      const document = { files: [{ text, name: 'second.yaml' }] }
      // opens the connection and compiles the code
      await admin.unary('signet.v1.AdminService', 'Apply', { ...document, dryRun: true })
      const begun = performance.now()
      await admin.unary('signet.v1.AdminService', 'Apply', document)
      await stream.until(({ svids }) => svids.length === 2)
      times.push(performance.now() - begun)
    }
    figures.push(latencyFigure(`apply to the first SVID on ${what}`, times))
  }
  return figures
}

/** A hundred identities of one caller, all but one with RSA keys, while another call of that caller runs. */
async function burst(): Promise<Figure[]> {
  await using stack = await Stack.start()
  using client = stack.client()
  await stack.apply(identityFor(UID, 'z-last'))
  using before = client.stream('FetchX509SVID', {}, { deadlineMs: Infinity })
  await before.next()
  const documents = Array.from({ length: BURST }, (_, n) => identityFor(UID, `rsa-${n}`, ofType('rsa-2048')))
  const begun = performance.now()
  await stack.apply(documents.join('---'))
  let all = false
  const done = before.until(({ svids }) => svids.length === BURST + 1).then(() => (all = true))
  const calls: number[] = []
  while (!all) {
    const asked = performance.now()
    await client.unary('FetchJWTSVID', { audience: ['a'], spiffeId: 'spiffe://example.org/z-last' })
    calls.push(performance.now() - asked)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await done
  const took = performance.now() - begun
  return [
    { what: `${BURST} identities on rsa-2048 at once, until all are on the stream`, value: took, unit: 'ms' },
    latencyFigure('FetchJWTSVID meanwhile', calls),
  ]
}
