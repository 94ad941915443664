import type { Catalogue, CatalogueChange } from './catalogue.ts'
import type { IdentityEntry } from './identity-entry.ts'

/** How the view of a bot changed. One object for all agents of the bot, so that it is encoded once. */
export interface ViewChange {
  readonly upserts: readonly IdentityEntry[]
  readonly removals: readonly string[]
  /** The bot's facts may have changed. */
  readonly bot: boolean
  /** The attributes that rules read, when these changed. */
  readonly attributeUse: readonly string[] | undefined
}

type Listener = (change: ViewChange) => void

/** The workload identities that the roles of one bot permit, kept up to date by changes. */
export class BotView {
  readonly bot: string
  readonly #catalogue: Catalogue
  readonly #permitted = new Map<string, IdentityEntry>()
  readonly #uses = new Map<string, number>()
  readonly listeners = new Set<Listener>()

  constructor(bot: string, catalogue: Catalogue) {
    this.bot = bot
    this.#catalogue = catalogue
    const bounds = catalogue.bounds(bot)
    for (const entry of catalogue.identities.values()) {
      if (bounds.mayUse(entry.identity) && entry.isUsable) this.#permit(entry)
    }
  }

  get names(): readonly string[] {
    return [...this.#permitted.keys()]
  }

  get(name: string): IdentityEntry | undefined {
    return this.#permitted.get(name)
  }

  get attributeUse(): readonly string[] {
    return [...this.#uses.keys()].sort()
  }

  /** Applies a change of the catalogue and tells the listeners what of it concerns this bot, if anything. */
  follow(change: CatalogueChange): void {
    const paths = this.#uses.size
    const before = new Set(this.#uses.keys())
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
    if (upserts.length + removals.length === 0 && !isOwn) return
    const isUseChanged = paths !== this.#uses.size || [...this.#uses.keys()].some((path) => !before.has(path))
    const told = { upserts, removals, bot: isOwn, attributeUse: isUseChanged ? this.attributeUse : undefined }
    for (const listener of this.listeners) listener(told)
  }

  #permit(entry: IdentityEntry): void {
    this.#permitted.set(entry.name, entry)
    for (const path of entry.compiled.usedAttributes) this.#uses.set(path, (this.#uses.get(path) ?? 0) + 1)
  }

  #forbid(name: string): boolean {
    const entry = this.#permitted.get(name)
    if (!entry) return false
    this.#permitted.delete(name)
    for (const path of entry.compiled.usedAttributes) {
      const left = (this.#uses.get(path) ?? 0) - 1
      if (left > 0) this.#uses.set(path, left)
      else this.#uses.delete(path)
    }
    return true
  }
}

/** The views of the bots that have an agent connected now. */
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

  /** The view stays up to date until the disposable is disposed; agents of one bot share it. */
  watch(bot: string, listener: Listener): { readonly view: BotView } & Disposable {
    const watched = this.#views.get(bot) ?? new BotView(bot, this.#catalogue)
    this.#views.set(bot, watched)
    watched.listeners.add(listener)
    return {
      view: watched,
      [Symbol.dispose]: () => {
        watched.listeners.delete(listener)
        if (watched.listeners.size === 0) this.#views.delete(bot)
      },
    }
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]()
  }
}
