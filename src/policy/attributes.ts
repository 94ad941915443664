/**
 * The attributes of a caller, as a tree: `workload.unix.uid`, `join.github.repository`. An absent
 * attribute differs from an empty one.
 */
export interface Attributes {
  readonly [name: string]: AttributeValue
}
export type AttributeValue = string | number | boolean | readonly string[] | readonly number[] | Attributes

/**
 * The value at a dotted path, or undefined if any step is absent. Reads own properties only, so
 * `__proto__` finds nothing.
 */
export function lookUp(attributes: Attributes, path: string): AttributeValue | undefined {
  return lookUpSteps(attributes, path.split('.'))
}

/** Like {@link lookUp}, for a path that is already split, as in compiled conditions. */
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

/** Whether `used` includes `path` or a tree that contains it. */
function includesPath(used: ReadonlySet<string>, path: string): boolean {
  for (let end = path.length; end > 0; end = path.lastIndexOf('.', end - 1)) {
    if (used.has(path.slice(0, end))) return true
  }
  return false
}

/** Whether `path` is `tree` or below it. */
export function isWithin(path: string, tree: string): boolean {
  return path === tree || (path.startsWith(tree) && path[tree.length] === '.')
}

/** Whether `used` includes `path`, a tree that contains it, or a path below it. */
export function touches(used: ReadonlySet<string>, path: string): boolean {
  return includesPath(used, path) || [...used].some((each) => isWithin(each, path))
}

/** A copy of the tree with `value` at a path. */
export function withValue(
  attributes: Attributes,
  [name, ...rest]: readonly [string, ...string[]],
  value: AttributeValue,
): Attributes {
  const below = attributes[name]
  const subtree = typeof below === 'object' && !Array.isArray(below) ? (below as Attributes) : {}
  const [next, ...others] = rest
  return { ...attributes, [name]: next === undefined ? value : withValue(subtree, [next, ...others], value) }
}
