import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import type { Stack } from '../support/stack.ts'
import type { EnvoyProcess } from './envoy/envoy-process.ts'
import { eventually } from './envoy/eventually.ts'
import { inBothModes } from './envoy/in-both-modes.ts'
import { shownAt } from './envoy/shown-certificate.ts'
import { ask, steadyTraffic } from './envoy/traffic.ts'

const ROTATIONS = 3
/** Renewed at half of its life. */
const SHORT_LIFE = '  x509: { ttl: 12s }'
/** Short enough for the test to see a CA leave the bundle. */
const SHORT_CA = 'lifetimes: { spiffe_ca: 1m }\n'

/** Returns the CAs of the trust domain from the authority. */
async function authoritiesOf(stack: Stack): Promise<X509Certificate[]> {
  const { stdout } = await stack.admin('bundle', 'fetch', '--authority', '--format', 'pem')
  return (stdout.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []).map(
    (pem) => new X509Certificate(pem),
  )
}

const serialOf = (certificate: X509Certificate | undefined): string =>
  (certificate?.serialNumber ?? '').toLowerCase()
const serialsShownBy = async ({ admin }: EnvoyProcess): Promise<string[]> =>
  (await admin.certificates()).shown.map(({ serial }) => serial)

inBothModes(
  'two Envoys under a steady stream of requests',
  async (t, pair) => {
    const { stack } = pair
    const { web, api } = await pair.startBoth(SHORT_LIFE)
    const inbound = await api.admin.port('inbound')
    const outboundFresh = await web.admin.port('outbound-fresh')
    const [kept, fresh] = await steadyTraffic(web)
    /**
     * Waits until both proxies present other certificates, according to their admin interfaces and,
     * for the second one, on the wire.
     */
    const rotation = async (): Promise<void> => {
      const before = await Promise.all([serialsShownBy(web), serialsShownBy(api)])
      for (const [at, one] of [web, api].entries()) {
        await one.until('presents another certificate', async () => {
          const now = await serialsShownBy(one)
          return now.length === 1 && now[0] !== before[at]?.[0]
        })
      }
      await eventually('the wire has it', async () => serialOf(await shownAt(inbound)) !== before[1]?.[0])
    }

    await t.test(`${ROTATIONS} rotations of both X.509-SVIDs`, async () => {
      for (let seen = 0; seen < ROTATIONS; seen += 1) await rotation()
    })

    /** Returns the serial of the CA that signed the certificate of the second proxy. */
    const signer = async (): Promise<string | undefined> => {
      const shown = await shownAt(inbound)
      return serialOf((await authoritiesOf(stack)).find((ca) => shown.verify(ca.publicKey)))
    }
    const untilTrusted = async (
      what: string,
      isWanted: (serials: readonly string[]) => boolean,
    ): Promise<void> => {
      for (const one of [web, api]) {
        await one.until(what, async () => isWanted((await one.admin.certificates()).trusted))
      }
    }

    await t.test(
      'a CA rotation: the successor is trusted, then signs, then the old CA is no longer trusted',
      async () => {
        const old = (await signer()) ?? ''
        await stack.admin('ca', 'rotate', 'spiffe_x509', '--now')
        const wanted = (await authoritiesOf(stack)).map(serialOf)
        assert.ok(wanted.includes(old) && wanted.length > 1)
        await untilTrusted('trusts both', (serials) => wanted.every((serial) => serials.includes(serial)))
        await eventually('signed by the new CA', async () => (await signer()) !== old)
        await rotation()
        await untilTrusted('no longer trusts the old CA', (serials) => !serials.includes(old))
        await rotation()
      },
    )

    await t.test('no request failed, on kept and on new connections', async (t) => {
      for (const traffic of [kept, fresh]) t.diagnostic(String(await traffic.stop(500)))
      assert.ok(fresh.callers.size > ROTATIONS, 'too few client certificates were used')
      const handshakes = await api.admin.count('^listener\\..*ssl.handshake$')
      assert.ok(handshakes >= fresh.sent, `only ${handshakes} handshakes`)
      const reused = await web.admin.count('^cluster.upstream.upstream_cx_total$')
      assert.ok(reused < kept.sent / 10, `${reused} connections were not kept`)
    })

    await t.test('Envoy rejected nothing, and every rotation took effect', async (t) => {
      for (const [name, { admin }] of Object.entries({ web, api })) {
        const counters = await admin.counters(
          '^sds\\..*(update_success|update_rejected|key_rotation_failed)$',
        )
        t.diagnostic(`${name}: ${JSON.stringify(counters)}`)
        const sum = (ending: string): number =>
          Object.entries(counters).reduce(
            (all, [key, value]) => (key.endsWith(ending) ? all + value : all),
            0,
          )
        assert.equal(sum('update_rejected') + sum('key_rotation_failed'), 0)
        assert.ok(sum('update_success') > ROTATIONS)
      }
    })

    await t.test(
      'a lock withdraws the identity: Envoy keeps its certificate but trusts no peer',
      async () => {
        const logged = stack.agent.log.length
        await stack.admin('lock', '--workload-identity', 'web')
        await stack.agent.says(/"event":"secret\.unavailable"/, logged)
        const [last] = await serialsShownBy(web)
        await eventually('refused', () =>
          ask(outboundFresh).then(
            () => false,
            () => true,
          ),
        )
        assert.deepEqual(await serialsShownBy(web), [last])
        assert.ok((await web.admin.count('^cluster\\..*ssl.fail_verify_error$')) > 0)
      },
    )

    await t.test('unlocking restores it on the same connection to the agent', async () => {
      const connections = (): Promise<number> => web.admin.count('^cluster.signet_agent.upstream_cx_total$')
      const before = await connections()
      await stack.admin('unlock', '--workload-identity', 'web')
      await eventually('served again', () => ask(outboundFresh).then(() => true))
      assert.equal(await connections(), before)
    })
  },
  { authorityYaml: SHORT_CA },
)
