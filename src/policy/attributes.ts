/** What is known of a caller, as a tree: `workload.unix.uid`, `join.github.repository`. Absent is not empty. */
export interface Attributes {
  readonly [name: string]: AttributeValue
}
export type AttributeValue = string | number | boolean | readonly string[] | readonly number[] | Attributes

/** Value at a dotted path, or undefined when any step is absent. Own properties only: `__proto__` finds nothing. */
export function lookUp(attributes: Attributes, path: string): AttributeValue | undefined {
  return lookUpSteps(attributes, path.split('.'))
}

/** The same for a path that was split before, as compiled conditions do. */
export function lookUpSteps(attributes: Attributes, steps: readonly string[]): AttributeValue | undefined {
  let value: AttributeValue | undefined = attributes
  for (const name of steps) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) {
      return undefined
    }
    value = (value as Attributes)[name]
  }
  return value ?? undefined
}

/** Whether the attribute at `path` is among those that are used, or in a subtree that is. */
function names(used: ReadonlySet<string>, path: string): boolean {
  for (let end = path.length; end > 0; end = path.lastIndexOf('.', end - 1)) {
    if (used.has(path.slice(0, end))) return true
  }
  return false
}

/** Whether `path` is `tree`, or lies below it. */
export function isWithin(path: string, tree: string): boolean {
  return path === tree || (path.startsWith(tree) && path[tree.length] === '.')
}

/** Whether those that are used include the attribute at `path`, a tree that holds it, or one that it holds. */
export function touches(used: ReadonlySet<string>, path: string): boolean {
  return names(used, path) || [...used].some((each) => isWithin(each, path))
}

/** The same tree with a value at a path. */
export function withValue(
  attributes: Attributes,
  steps: readonly string[],
  value: AttributeValue,
): Attributes {
  const [name, ...rest] = steps
  if (name === undefined) return attributes
  const below = attributes[name]
  const subtree = typeof below === 'object' && !Array.isArray(below) ? (below as Attributes) : {}
  return { ...attributes, [name]: rest.length === 0 ? value : withValue(subtree, rest, value) }
}
