import type { IdentityExplanation } from './grant.ts'

/** The priority of a workload identity that sets none. */
export const DEFAULT_PRIORITY = 100

interface Placed {
  readonly identity: string
  readonly priority: number
}

/**
 * The order in which a caller gets its identities: lower priority number first, then by name. The
 * first is the default identity. The order depends on nothing else, such as rules or the time of
 * application.
 */
export function byPrecedence(a: Placed, b: Placed): number {
  if (a.priority !== b.priority) return a.priority - b.priority
  return byName(a, b)
}

/** No two identities have one name. */
function byName(a: { readonly identity: string }, b: { readonly identity: string }): number {
  return a.identity < b.identity ? -1 : 1
}

interface Hinted {
  readonly identity: string
  readonly hint: string
}

/** A hint as sent: the identity's own, or empty because `holder` comes first and has the same hint. */
interface SentHint {
  readonly hint: string
  readonly holder?: string
}

/**
 * The hints as sent, unique in a response (Workload API §5.2.1): the first identity with a hint
 * keeps it.
 */
export function sentHints(inOrder: readonly Hinted[]): readonly SentHint[] {
  const holders = new Map<string, string>()
  return inOrder.map(({ hint, identity }) => {
    const holder = holders.get(hint)
    if (hint !== '' && holder !== undefined) return { hint: '', holder }
    holders.set(hint, identity)
    return { hint }
  })
}

/**
 * Orders explanations for operators: granted identities in the order of delivery, then the rest by
 * name. A caller gets at most `limit` identities.
 */
export function explainOrder(
  identities: readonly IdentityExplanation[],
  limit = Number.POSITIVE_INFINITY,
): readonly IdentityExplanation[] {
  const placed = identities.map((each) => ({
    ...each,
    priority: each.priority ?? DEFAULT_PRIORITY,
    hint: each.hint ?? '',
  }))
  const granted = placed.filter((each) => each.granted).sort(byPrecedence)
  const hints = sentHints(granted.slice(0, limit))
  const inOrder = granted.map((each, index): IdentityExplanation => {
    const note = index < limit ? hintNote(each.hint, hints[index]?.holder) : limitNote(limit)
    return { ...each, order: index + 1, ...(note === undefined ? {} : { note }) }
  })
  const refused = identities.filter((each) => !each.granted)
  return [...inOrder, ...refused.sort(byName)]
}

function hintNote(hint: string, holder: string | undefined): string | undefined {
  return holder === undefined ? undefined : `without its hint ${JSON.stringify(hint)}, which ${holder} has`
}

function limitNote(limit: number): string {
  return `not delivered: a caller gets ${limit} at most`
}
