import { type ParsedResource, resourcesOf } from '../../config/resources.ts'
import type { CompiledIdentity } from '../../policy/compile.ts'
import { mayOverlap } from '../../policy/overlap.ts'
import { byPrecedence } from '../../policy/precedence.ts'
import type { RoleBounds } from '../../policy/role.ts'
import type { Catalogue } from './catalogue.ts'
import { roleBoundsAfter } from './role-warnings.ts'
import { botSpecOf } from './stored-specs.ts'

/** Pairs checked per file. Thousands of identities may share a hint, and agents report what this misses. */
const MAX_PAIRS = 20_000
const MAX_WARNINGS = 50

/**
 * Hints are unique within a response (Workload API §5.2.1). Warns where a caller on one host may get
 * two identities with the same hint; the first one keeps it.
 */
export function warnOfSharedHints(
  resources: readonly ParsedResource[],
  changed: ReadonlyMap<string, CompiledIdentity>,
  catalogue: Catalogue,
): string[] {
  const byHint = identitiesByHint(changed, catalogue)
  if (byHint.size === 0) return []
  const isForOneBot = sharedBots(resources, catalogue)
  const written = new Map(resources.map((resource) => [`${resource.kind} ${resource.name}`, resource]))
  const place = (name: string): string | undefined =>
    written.get(`workload_identity ${name}`)?.at(['spec', 'hint'])
  const warnings = new Map<string, string>()
  let left = MAX_PAIRS
  for (const [first, second] of pairsIn(byHint, changed)) {
    const [holder, name] = [first.identity.name, second.identity.name]
    const where = `${place(name) ?? place(holder)}: workload_identity ${name}`
    left -= 1
    if (left < 0 || warnings.size >= MAX_WARNINGS) {
      warnings.set('', `${where}: it and others after it may share a hint as well`)
      break
    }
    if (warnings.has(name) || !mayOverlap(first, second) || !isForOneBot(first, second)) continue
    warnings.set(
      name,
      `${where}: a caller that gets ${holder} as well, which comes first and has the same hint, gets it without`,
    )
  }
  return [...warnings.values()]
}

/** All pairs with the same hint of which at least one is changed, each in the order of delivery. */
function* pairsIn(
  byHint: ReadonlyMap<string, readonly CompiledIdentity[]>,
  changed: ReadonlyMap<string, CompiledIdentity>,
): Generator<readonly [CompiledIdentity, CompiledIdentity]> {
  for (const sharing of byHint.values()) {
    const inOrder = sharing.toSorted((a, b) => byPrecedence(placeOf(a), placeOf(b)))
    for (const [index, second] of inOrder.entries()) {
      for (const first of inOrder.slice(0, index)) {
        if (changed.has(first.identity.name) || changed.has(second.identity.name)) yield [first, second]
      }
    }
  }
}

function placeOf({ identity, parts }: CompiledIdentity): { identity: string; priority: number } {
  return { identity: identity.name, priority: parts.priority }
}

/** The identities as they will be, grouped by the hints that the file uses. */
function identitiesByHint(
  changed: ReadonlyMap<string, CompiledIdentity>,
  catalogue: Catalogue,
): ReadonlyMap<string, readonly CompiledIdentity[]> {
  const byHint = new Map<string, CompiledIdentity[]>()
  for (const compiled of changed.values()) {
    const { hint } = compiled.parts
    const sharing = byHint.get(hint)
    if (sharing) sharing.push(compiled)
    else if (hint !== '') byHint.set(hint, [compiled])
  }
  if (byHint.size === 0) return byHint
  for (const entry of catalogue.identities.values()) {
    const sharing = byHint.get(entry.identity.spec.hint ?? '')
    if (sharing && !changed.has(entry.name) && entry.isUsable) sharing.push(entry.compiled)
  }
  return byHint
}

/** Whether any bot, existing or in the file, may use both. */
function sharedBots(
  resources: readonly ParsedResource[],
  catalogue: Catalogue,
): (one: CompiledIdentity, other: CompiledIdentity) => boolean {
  const roles = roleBoundsAfter(resources, catalogue)
  const bots = new Map<string, readonly string[]>()
  for (const bot of catalogue.all('bot')) bots.set(bot.name, botSpecOf(bot).roles)
  for (const bot of resourcesOf(resources, 'bot')) bots.set(bot.name, bot.spec.roles)
  const bounds = [...bots.values()].map((names) =>
    names.flatMap((name): RoleBounds | readonly RoleBounds[] => roles.get(name) ?? []),
  )
  return ({ identity: one }, { identity: other }) =>
    bounds.some((own) => own.some((role) => role.mayUse(one)) && own.some((role) => role.mayUse(other)))
}
