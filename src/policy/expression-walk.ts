import { attributeTypeAt, ROOTS } from './attribute-schema.ts'
import { ALLOWED_FUNCTIONS, isNode, LINEAR_MATCHES, type Node } from './cel-environment.ts'
import type { MatchScalar } from './match.ts'
import { ExpressionInvalidError } from './problem.ts'
import { compileRegularExpression } from './regular-expression.ts'

const COMPREHENSIONS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'map', 'filter'])
/** Nested loops, or many in a row, would multiply the lengths of lists that callers control. */
const MAX_COMPREHENSIONS = 4
const ADDABLE = /^(int|uint|double|google\.protobuf\..*)$/

/** A necessary condition of an expression: an attribute equals, or contains, one of these values. */
export interface Equality {
  readonly steps: readonly string[]
  readonly values: readonly MatchScalar[]
}

/**
 * An attribute as an expression names it. `open` if the path continues with an index that is known
 * only at evaluation.
 */
interface AttributeAccess {
  readonly steps: readonly string[]
  readonly open: boolean
  readonly indexes: readonly Node[]
}

/**
 * The attribute that a chain of `.name` and `["name"]` refers to; undefined if it does not start at
 * a root.
 */
export function attributeAccess(node: Node): AttributeAccess | undefined {
  const steps: (string | Node)[] = []
  let at = node
  while (at.op === '.' || at.op === '[]') {
    const [inner, step] = at.args as [Node, string | Node]
    const literal = isNode(step) && step.op === 'value' && typeof step.args === 'string' ? step.args : step
    steps.unshift(literal)
    at = inner
  }
  if (at.op !== 'id' || !ROOTS.has(at.args as string)) return undefined
  const firstOpen = steps.findIndex((step) => typeof step !== 'string')
  const named = (firstOpen < 0 ? steps : steps.slice(0, firstOpen)) as string[]
  return { steps: [at.args as string, ...named], open: firstOpen >= 0, indexes: steps.filter(isNode) }
}

/**
 * Walks an expression before the type check: collects the attributes it uses, refuses what could
 * grow or run long, and renames `matches`. `afterTypeCheck` does the checks that need types.
 */
export class ExpressionWalk {
  readonly usedAttributes = new Set<string>()
  readonly #additions: Node[] = []
  #comprehensions = 0

  visit(node: Node, bound?: string): void {
    switch (node.op) {
      case 'value':
        return
      case 'id':
        if (ROOTS.has(node.args as string))
          this.#attribute({ steps: [node.args as string], open: false, indexes: [] }, bound)
        return
      case '.':
      case '[]': {
        const access = attributeAccess(node)
        if (access === undefined) break
        this.#attribute(access, bound)
        return
      }
      case 'call':
      case 'rcall':
        this.#call(node, bound)
        return
      case 'list':
      case 'map':
        if (bound !== undefined && !constant(node.args)) {
          throw new ExpressionInvalidError('a list or map made inside a loop must be constant')
        }
        break
      case '+':
        if (bound !== undefined) this.#additions.push(node)
        break
    }
    this.#visitAll(node.args, bound)
  }

  afterTypeCheck(): void {
    for (const node of this.#additions) {
      if (!ADDABLE.test(String(node.checkedType?.name))) {
        throw new ExpressionInvalidError('inside a loop "+" may add numbers only')
      }
    }
  }

  #visitAll(args: unknown, bound: string | undefined): void {
    if (isNode(args)) this.visit(args, bound)
    else if (Array.isArray(args)) for (const arg of args) this.#visitAll(arg, bound)
  }

  #attribute(access: AttributeAccess, bound: string | undefined): void {
    const found = attributeTypeAt(access.steps)
    if ('problem' in found) throw new ExpressionInvalidError(found.problem)
    this.usedAttributes.add(access.steps.join('.'))
    this.#visitAll(access.indexes, bound)
  }

  #call(node: Node, bound: string | undefined): void {
    const args = node.args as [string, ...unknown[]]
    const name = args[0]
    if (!ALLOWED_FUNCTIONS.has(name)) throw new ExpressionInvalidError(`unknown function ${name}()`)
    if (node.op === 'call') {
      this.#visitAll(args[1], bound)
      return
    }
    const [, receiver, parameters] = args as [string, Node, readonly Node[]]
    this.visit(receiver, bound)
    if (COMPREHENSIONS.has(name)) {
      this.#comprehension(name, parameters, bound)
      return
    }
    if (name === 'matches') {
      const pattern = parameters[0]
      if (parameters.length !== 1 || pattern?.op !== 'value' || typeof pattern.args !== 'string') {
        throw new ExpressionInvalidError('matches() takes one pattern, written as a text in quotes')
      }
      compileRegularExpression(pattern.args)
      args[0] = LINEAR_MATCHES
    }
    this.#visitAll(parameters, bound)
  }

  #comprehension(name: string, parameters: readonly Node[], bound: string | undefined): void {
    this.#comprehensions += 1
    if (bound !== undefined) throw new ExpressionInvalidError(`${name}() must not be inside another loop`)
    if (this.#comprehensions > MAX_COMPREHENSIONS) {
      throw new ExpressionInvalidError(`an expression may have ${MAX_COMPREHENSIONS} loops at most`)
    }
    const [variable, ...bodies] = parameters
    if (variable?.op !== 'id' || ROOTS.has(variable.args as string)) {
      throw new ExpressionInvalidError(`${name}() needs a variable of its own as first parameter`)
    }
    this.#visitAll(bodies, variable.args as string)
  }
}

function constant(args: unknown): boolean {
  if (isNode(args)) return args.op === 'value'
  return Array.isArray(args) && args.every(constant)
}

/** The necessary conditions that the top-level `&&` chain of an expression states plainly. */
export function equalitiesOf(node: Node): Equality[] {
  if (node.op === '&&') return (node.args as Node[]).flatMap(equalitiesOf)
  if (node.op !== '==' && node.op !== 'in') return []
  const [left, right] = node.args as [Node, Node]
  const found = [equality(left, right)]
  // `x in attribute` tests the keys of a map; only for a known list does it test the elements
  if (node.op === '==' || isKnownList(right)) found.push(equality(right, left))
  return found.filter((one) => one !== undefined)
}

function isKnownList(node: Node): boolean {
  const access = attributeAccess(node)
  const found = access && !access.open ? attributeTypeAt(access.steps) : undefined
  return found !== undefined && 'type' in found && found.type.startsWith('list')
}

function equality(attribute: Node, wanted: Node): Equality | undefined {
  const access = attributeAccess(attribute)
  if (access === undefined || access.open) return undefined
  const nodes = wanted.op === 'list' ? (wanted.args as Node[]) : [wanted]
  const values = nodes.map((node) => (node.op === 'value' ? scalar(node.args) : undefined))
  // No caller can match an empty list, so there is no value to index.
  if (values.length === 0) return undefined
  return values.every((value) => value !== undefined) ? { steps: access.steps, values } : undefined
}

function scalar(value: unknown): MatchScalar | undefined {
  if (typeof value === 'bigint') return Number(value)
  return typeof value === 'string' || typeof value === 'boolean' ? value : undefined
}
