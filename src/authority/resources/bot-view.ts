import { Emitter } from '../../foundation/emitter.ts'
import type { Catalogue, CatalogueChange } from './catalogue.ts'
import type { ForeignBundle } from './foreign-bundle.ts'
import type { IdentityEntry } from './identity-entry.ts'

/**
 * A change of what a bot may use. All agents of the bot get the same object, so that it is encoded
 * once.
 */
export interface ViewChange {
  readonly upserts: readonly IdentityEntry[]
  readonly removals: readonly string[]
  /** Whether the bot's own attributes or roles may have changed. */
  readonly bot: boolean
  /** The foreign bundles for these identities, if they changed. */
  readonly foreignBundles: readonly ForeignBundle[] | undefined
}

type ViewListener = (change: ViewChange) => void

/** The workload identities that the roles of one bot permit, kept up to date. */
export class BotView {
  readonly bot: string
  readonly #catalogue: Catalogue
  readonly #permitted = new Map<string, IdentityEntry>()
  /** The trust domains that they federate with. */
  readonly #partners = new Counts()
  #foreignBundles: readonly ForeignBundle[]
  /** Remembers, per SPIFFE ID, what `mayGive` found. Cleared at each change. */
  readonly #withinReach = new Map<string, boolean>()
  readonly changes = new Emitter<ViewChange>()

  constructor(bot: string, catalogue: Catalogue) {
    this.bot = bot
    this.#catalogue = catalogue
    const bounds = catalogue.bounds(bot)
    for (const entry of catalogue.identities.values()) {
      if (bounds.mayUse(entry.identity) && entry.isUsable) this.#permit(entry)
    }
    this.#foreignBundles = this.#findBundles()
  }

  get names(): readonly string[] {
    return [...this.#permitted.keys()]
  }

  get(name: string): IdentityEntry | undefined {
    return this.#permitted.get(name)
  }

  /** Whether any identity of this bot could give this SPIFFE ID to a caller. */
  mayGive(spiffeId: string): boolean {
    let known = this.#withinReach.get(spiffeId)
    if (known === undefined) {
      const bounds = this.#catalogue.bounds(this.bot)
      const couldGive = ({ identity: { name, labels }, compiled }: IdentityEntry): boolean =>
        compiled.parts.spiffeId.mayRender(spiffeId) &&
        !('refused' in bounds.check({ identity: name, labels, spiffeId, dnsSans: [] }))
      known = [...this.#permitted.values()].some(couldGive)
      this.#withinReach.set(spiffeId, known)
    }
    return known
  }

  /** Sorted by trust domain. */
  get foreignBundles(): readonly ForeignBundle[] {
    return this.#foreignBundles
  }

  /** Applies a change of the catalogue, and notifies the listeners if any of it concerns this bot. */
  follow(change: CatalogueChange): void {
    this.#withinReach.clear()
    const upserts: IdentityEntry[] = []
    const removals: string[] = []
    const isOwn = change.bots.has(this.bot)
    const bounds = this.#catalogue.bounds(this.bot)
    for (const entry of isOwn ? this.#catalogue.identities.values() : change.upserts) {
      if (!bounds.mayUse(entry.identity) || !entry.isUsable) {
        if (this.#forbid(entry.name)) removals.push(entry.name)
      } else if (this.#permitted.get(entry.name) !== entry) {
        this.#forbid(entry.name)
        this.#permit(entry)
        upserts.push(entry)
      }
    }
    for (const name of change.removals) if (this.#forbid(name)) removals.push(name)
    const foreignBundles = this.#changedBundles()
    if (upserts.length + removals.length === 0 && !isOwn && foreignBundles === undefined) return
    const viewChange = { upserts, removals, bot: isOwn, foreignBundles }
    this.changes.emit(viewChange)
  }

  #permit(entry: IdentityEntry): void {
    this.#permitted.set(entry.name, entry)
    this.#count(entry, 1)
  }

  #forbid(name: string): boolean {
    const entry = this.#permitted.get(name)
    if (!entry) return false
    this.#permitted.delete(name)
    this.#count(entry, -1)
    return true
  }

  #count({ compiled }: IdentityEntry, by: 1 | -1): void {
    for (const trustDomain of compiled.parts.federatesWith) this.#partners.add(trustDomain, by)
  }

  #changedBundles(): readonly ForeignBundle[] | undefined {
    const found = this.#findBundles()
    const last = this.#foreignBundles
    if (found.length === last.length && found.every((bundle, index) => bundle === last[index]))
      return undefined
    this.#foreignBundles = found
    return found
  }

  #findBundles(): readonly ForeignBundle[] {
    if (this.#partners.size === 0) return []
    return [...this.#catalogue.foreignBundles]
      .filter(({ trustDomain }) => this.#partners.has(trustDomain))
      .sort((a, b) => (a.trustDomain < b.trustDomain ? -1 : 1))
  }
}

/** Counts names. */
class Counts {
  readonly #counts = new Map<string, number>()

  get size(): number {
    return this.#counts.size
  }

  has(name: string): boolean {
    return this.#counts.has(name)
  }

  add(name: string, by: 1 | -1): void {
    const left = (this.#counts.get(name) ?? 0) + by
    if (left > 0) this.#counts.set(name, left)
    else this.#counts.delete(name)
  }
}

/** The views of the bots that have a connected agent. */
export class BotViews implements Disposable {
  readonly #catalogue: Catalogue
  readonly #views = new Map<string, BotView>()
  readonly #subscription: Disposable

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue
    this.#subscription = catalogue.subscribe((change) => {
      for (const view of this.#views.values()) view.follow(change)
    })
  }

  /** Returns the bot's view, which stays up to date until it is disposed. Agents of one bot share it. */
  watch(bot: string, listener: ViewListener): { readonly view: BotView } & Disposable {
    const watched = this.#views.get(bot) ?? new BotView(bot, this.#catalogue)
    this.#views.set(bot, watched)
    const subscription = watched.changes.subscribe(listener)
    return {
      view: watched,
      [Symbol.dispose]: () => {
        subscription[Symbol.dispose]()
        if (!watched.changes.hasListeners) this.#views.delete(bot)
      },
    }
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]()
  }
}
