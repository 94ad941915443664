import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  Cable,
  eventually,
  OperatorHost,
  startAuthorityOn,
  withoutNamespaces,
} from '../../support/operator-host.ts'

describe('the first ten minutes on two hosts', { skip: withoutNamespaces }, () => {
  it('join over the network by what was printed; a pulled cable costs nothing; a push arrives', async () => {
    await using cable = new Cable()
    await using left = await OperatorHost.create({ network: cable.names[0] })
    await using right = await OperatorHost.create({ network: cable.names[1] })
    await startAuthorityOn(left, `${cable.addresses[0]}:7443`)
    const printed = await left.done('token', 'create', '--bot', 'web-hosts', '--ttl', '1h')
    assert.match(printed, /--authority 10\.91\.0\.1:7443 --pin sha256:/)
    await right.startAsPrinted(printed)
    await right.done('agent', 'status', '--wait', '30s')
    assert.match(await right.done('svid', 'fetch', 'x509'), /spiffe:\/\/example\.org\/web\/shop/)
    assert.match(await left.done('get', 'bot_instance'), /web-hosts/)

    cable.pull()
    await left.done('lock', '--workload-identity', 'shop', '--reason', 'drill')
    assert.match(await right.done('svid', 'fetch', 'x509'), /web\/shop/)
    cable.plugIn()
    const fetch = () => right.signet('svid', 'fetch', 'x509')
    const refused = await eventually(fetch, ({ code }) => code !== 0)
    assert.deepEqual([refused.code, /no identity issued/.test(refused.stderr)], [4, true])
    await left.done('unlock', '--workload-identity', 'shop')
    await eventually(fetch, ({ code }) => code === 0)
    assert.match(await left.done('audit', 'verify'), /intact/)
  })
})
