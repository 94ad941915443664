import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BotViews, type ViewChange } from '../../../../src/authority/resources/bot-view.ts'
import {
  botYaml,
  federationYaml,
  identityYaml,
  openCatalogue,
  roleYaml,
} from '../../../support/catalogue-rig.ts'

const START =
  identityYaml('one') +
  identityYaml('two', '', 'b') +
  roleYaml('a') +
  roleYaml('b', 'b') +
  botYaml('builder', ['a'])

const READS_PATH = 'deny: [{ match: { workload.unix.binary_path: /bin/sh } }]'

/** The view of the bot `builder`, and what its listeners were sent. */
async function openView(yaml = START) {
  const rig = await openCatalogue(yaml)
  const views = new BotViews(rig.catalogue)
  const told: { upserts: string[]; removals: readonly string[]; bot: boolean }[] = []
  const toldBundles: (readonly string[])[] = []
  const hear = (change: ViewChange): void => {
    const upserts = change.upserts.map(({ name }) => name)
    told.push({ upserts, removals: change.removals, bot: change.bot })
    if (change.foreignBundles) toldBundles.push(change.foreignBundles.map(({ trustDomain }) => trustDomain))
  }
  const watched = views.watch('builder', hear)
  return {
    ...rig,
    views,
    watched,
    view: watched.view,
    hear,
    /** What was sent since the last call. */
    told: () => told.splice(0),
    /** Each list of foreign bundles that was sent since the last call. */
    toldBundles: () => toldBundles.splice(0),
    [Symbol.asyncDispose]: async () => {
      views[Symbol.dispose]()
      await rig[Symbol.asyncDispose]()
    },
  }
}

describe('the view of a bot', () => {
  it('has what the roles of the bot permit', async () => {
    await using rig = await openView(START + identityYaml('three', READS_PATH))
    assert.deepEqual(rig.view.names, ['one', 'three'])
    assert.equal(rig.view.get('one')?.identity.spec.spiffe_id, '/one')
    assert.equal(rig.view.get('two'), undefined)
  })

  it('is empty for a bot that does not exist', async () => {
    await using rig = await openView()
    using watched = rig.views.watch('stranger', rig.hear)
    assert.deepEqual(watched.view.names, [])
  })

  it('gains what is created', async () => {
    await using rig = await openView()
    await rig.put(identityYaml('three'))
    assert.deepEqual(rig.told(), [{ upserts: ['three'], removals: [], bot: false }])
    await rig.put(identityYaml('four', READS_PATH))
    assert.deepEqual(rig.told(), [{ upserts: ['four'], removals: [], bot: false }])
    assert.deepEqual(rig.view.names, ['one', 'three', 'four'])
  })

  it('loses what is deleted', async () => {
    await using rig = await openView(START + identityYaml('three', READS_PATH))
    await rig.remove('workload_identity', 'one')
    assert.deepEqual(rig.told(), [{ upserts: [], removals: ['one'], bot: false }])
    await rig.put(identityYaml('three'))
    assert.deepEqual(rig.told(), [{ upserts: ['three'], removals: [], bot: false }])
    await rig.remove('workload_identity', 'three')
    assert.deepEqual(rig.told(), [{ upserts: [], removals: ['three'], bot: false }])
  })

  it('loses what a new label takes out of the roles, and gains what one brings in', async () => {
    await using rig = await openView()
    await rig.put(identityYaml('one', '', 'b') + identityYaml('two', '', 'a'))
    const [change] = rig.told()
    assert.deepEqual([change?.upserts, change?.removals], [['two'], ['one']])
    assert.deepEqual(rig.view.names, ['two'])
  })

  it('follows the roles of its bot', async () => {
    await using rig = await openView()
    await rig.put(botYaml('builder', ['b']))
    assert.deepEqual(rig.told(), [{ upserts: ['two'], removals: ['one'], bot: true }])
    await rig.put(roleYaml('b', 'nobody'))
    assert.deepEqual(rig.told(), [{ upserts: [], removals: ['two'], bot: true }])
    await rig.remove('role', 'b')
    assert.deepEqual(rig.told(), [{ upserts: [], removals: [], bot: true }])
  })

  it('is empty once the bot is deleted', async () => {
    await using rig = await openView()
    await rig.remove('bot', 'builder')
    assert.deepEqual(rig.view.names, [])
    assert.deepEqual(rig.told()[0]?.removals, ['one'])
  })

  it('has the foreign bundles that its identities federate with, and sends the list whenever it changes', async () => {
    const partners = 'federates_with: [b.example, a.example, c.example]'
    const some = federationYaml('a.example') + federationYaml('b.example') + federationYaml('other.example')
    await using rig = await openView(START + some + identityYaml('three', partners))
    const list = (): string[] => rig.view.foreignBundles.map(({ trustDomain }) => trustDomain)
    assert.deepEqual(list(), ['a.example', 'b.example'])
    await rig.put(federationYaml('c.example'))
    await rig.put(federationYaml('a.example', 2))
    await rig.remove('federation', 'b.example')
    assert.deepEqual(rig.toldBundles(), [
      ['a.example', 'b.example', 'c.example'],
      ['a.example', 'b.example', 'c.example'],
      ['a.example', 'c.example'],
    ])
    assert.match(rig.view.foreignBundles[0]?.spiffeBundle.toString() ?? '', /"spiffe_sequence":2/)
    await rig.put(federationYaml('other.example', 2) + identityYaml('one'))
    assert.deepEqual(rig.toldBundles(), [], 'nothing of it is for this bot')
    await rig.put(identityYaml('two', 'federates_with: [other.example]', 'b'))
    assert.deepEqual(rig.toldBundles(), [], 'it may not use that identity')
    await rig.put(identityYaml('two', 'federates_with: [other.example]'))
    await rig.put(identityYaml('three'))
    await rig.remove('workload_identity', 'two')
    assert.deepEqual(rig.toldBundles(), [['a.example', 'c.example', 'other.example'], ['other.example'], []])
  })

  it('sends nothing about what does not concern the bot', async () => {
    await using rig = await openView()
    await rig.put(identityYaml('two', READS_PATH, 'b') + roleYaml('b', 'c') + botYaml('other', ['b']))
    await rig.remove('workload_identity', 'two')
    assert.deepEqual(rig.told(), [])
  })

  it('leaves out what this version does not understand, even if it was there before', async () => {
    await using rig = await openView()
    await rig.putSpec('workload_identity', 'odd', { spiffe_id: '/odd', from_the_future: true })
    assert.deepEqual(rig.view.names, ['one'])
    // It replaces one that was permitted. The role selects by label, so it would be permitted as
    // well.
    await rig.put(roleYaml('a', 'nobody').replace('labels: { team: nobody }', 'name: "*"'))
    rig.told()
    await rig.putSpec('workload_identity', 'one', { spiffe_id: '/one', from_the_future: true })
    assert.deepEqual(rig.told()[0]?.removals, ['one'])
    assert.deepEqual(rig.view.names, ['two'])
  })

  it('is shared by the agents of a bot, lives as long as one of them, and starts from the current state', async () => {
    await using rig = await openView()
    const second = rig.views.watch('builder', () => undefined)
    assert.equal(second.view, rig.view)
    rig.watched[Symbol.dispose]()
    await rig.put(identityYaml('three'))
    assert.deepEqual(second.view.names, ['one', 'three'])
    assert.deepEqual(rig.told(), [], 'nothing is sent after disposal')
    second[Symbol.dispose]()
    await rig.put(identityYaml('four'))
    assert.deepEqual(second.view.names, ['one', 'three'], 'nothing keeps it up to date any more')
    using third = rig.views.watch('builder', rig.hear)
    assert.deepEqual(third.view.names.toSorted(), ['four', 'one', 'three'])
  })
})
