import type { Attributes } from '../../policy/attributes.ts'
import { type InstanceRows, MAX_SUPERSEDED } from '../datastore/instance-repository.ts'
import type { BotGenerationsTable } from '../datastore/schema/bot-tables.ts'

/** One joined agent lineage. */
export interface BotInstance {
  readonly id: string
  readonly bot: string
  readonly joinToken: string
  readonly joinMethod: string
  /** The attributes that the method proved. */
  readonly joinAttributes: Attributes
  /** The newest generation that was used; 0 before the first use. */
  readonly generation: number
  readonly joinedMs: number
  readonly renewedMs: number
  readonly notAfterMs: number
  readonly agentVersion: string
  readonly hostname: string
  /** The revision of its last change in the database. */
  readonly revision: number
}

interface Certified {
  readonly generation: number
  readonly keySha256: string
}

/** What the bot certificate that a caller presents is worth (decision 0013). */
type GenerationStanding = 'current' | 'first_use' | 'superseded' | 'ahead'

/** An instance and what is known of its certificates. Immutable: each change makes a new object. */
export interface InstanceState extends BotInstance {
  readonly used: Certified | undefined
  readonly pending: Certified | undefined
  /** `generation/key` of certificates that were superseded, from the current generation on. */
  readonly superseded: ReadonlySet<string>
  /** Generations with so many superseded keys that not all of them are known. */
  readonly crowded: ReadonlySet<number>
}

export function judge(state: InstanceState, shown: Certified): GenerationStanding {
  if (sameCertificate(state.used, shown)) return 'current'
  if (sameCertificate(state.pending, shown)) return 'first_use'
  const { generation, keySha256 } = shown
  if (generation < state.generation || state.superseded.has(`${generation}/${keySha256}`)) return 'superseded'
  if (state.crowded.has(generation)) return 'superseded'
  // Our CA signed it, but the database does not have it: the database was restored from a backup made
  // before it was issued.
  return 'ahead'
}

export function afterFirstUse(state: InstanceState): InstanceState {
  const used = state.pending
  return used ? { ...state, generation: used.generation, used, pending: undefined } : state
}

export function toInstanceState({ instance: row, generations }: InstanceRows): InstanceState {
  const inState = (state: BotGenerationsTable['state']): BotGenerationsTable[] =>
    generations.filter((generation) => generation.state === state)
  const superseded = inState('superseded')
  const used = inState('used')[0]
  const pending = inState('pending')[0]
  return {
    id: row.id,
    bot: row.bot_name,
    joinToken: row.join_token,
    joinMethod: row.join_method,
    joinAttributes: JSON.parse(row.join_attributes) as Attributes,
    generation: used?.generation ?? 0,
    joinedMs: row.joined_ms,
    renewedMs: row.renewed_ms,
    notAfterMs: row.not_after_ms,
    agentVersion: row.agent_version,
    hostname: row.hostname,
    revision: row.revision,
    used: used && toCertified(used),
    pending: pending && toCertified(pending),
    superseded: new Set(superseded.map((g) => `${g.generation}/${g.key_sha256}`)),
    crowded: crowdedOf(superseded),
  }
}

function crowdedOf(superseded: readonly BotGenerationsTable[]): ReadonlySet<number> {
  const counts = new Map<number, number>()
  for (const { generation } of superseded) counts.set(generation, (counts.get(generation) ?? 0) + 1)
  return new Set([...counts].flatMap(([generation, count]) => (count >= MAX_SUPERSEDED ? [generation] : [])))
}

function toCertified(row: BotGenerationsTable): Certified {
  return { generation: row.generation, keySha256: row.key_sha256 }
}

function sameCertificate(a: Certified | undefined, b: Certified): boolean {
  return a !== undefined && a.generation === b.generation && a.keySha256 === b.keySha256
}
