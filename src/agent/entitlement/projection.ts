import { type Attributes, lookUp } from '../../policy/attributes.ts'

/**
 * The part of a caller's attributes that the policy uses, as text. Callers with equal text get the
 * same decision, whatever else differs between them.
 */
export function project(attributes: Attributes, used: Iterable<string>): string {
  const values: unknown[] = []
  for (const path of used) values.push(path.startsWith('workload') ? (lookUp(attributes, path) ?? null) : 0)
  return JSON.stringify(values)
}
