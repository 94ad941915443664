import type { ParseError, ParseResult } from '@marcbachmann/cel-js'
import { messageOf } from '../foundation/errors.ts'
import { LruMap } from '../foundation/lru-map.ts'
import type { Attributes } from './attributes.ts'
import { celEnvironment, isNode, type Node, nodeOf } from './cel-environment.ts'
import { type CelContext, toCelContext } from './cel-values.ts'
import { attributeAccess, type Equality, ExpressionWalk, equalitiesOf } from './expression-walk.ts'
import { celLibrary } from './libraries.ts'
import { ExpressionInvalidError } from './problem.ts'

const MAX_EXPRESSION_LENGTH = 4096
const MAX_CACHED_EXPRESSIONS = 8192

/** The attributes of one caller. They are converted for CEL once, on first use. */
export class Facts {
  readonly attributes: Attributes
  #cel: CelContext | undefined

  constructor(attributes: Attributes) {
    this.attributes = attributes
  }

  get cel(): CelContext {
    this.#cel ??= toCelContext(this.attributes)
    return this.#cel
  }
}

/**
 * The result of an evaluation. `absent`: it depends on an attribute that is absent. As in CEL, `||`
 * and `&&` still have a value if one side alone decides; `!` of an absent attribute is absent, not
 * true. `has(…)` tests for presence.
 */
type Evaluation = { readonly value: unknown } | { readonly absent: string } | { readonly error: string }

/**
 * A type-checked CEL expression (decision 0012). Immutable, and shared by all rules with the same
 * text.
 */
export class Expression {
  readonly text: string
  /** The inferred type: `bool`, `string`, `int`, … or `dyn`. */
  readonly type: string
  readonly usedAttributes: ReadonlySet<string>
  readonly equalities: readonly Equality[]
  readonly #run: ParseResult
  #alternatives: readonly Expression[] | undefined

  private constructor(text: string, type: string, run: ParseResult, walk: ExpressionWalk) {
    this.text = text
    this.type = type
    this.usedAttributes = walk.usedAttributes
    this.equalities = type === 'bool' ? equalitiesOf(nodeOf(run.ast)) : []
    this.#run = run
  }

  static readonly #cache = new LruMap<string, Expression>(MAX_CACHED_EXPRESSIONS)

  /** @throws ExpressionInvalidError with a message for the person who wrote the expression */
  static compile(text: string): Expression {
    const cached = Expression.#cache.get(text)
    if (cached) return cached
    if (text.trim() === '') throw new ExpressionInvalidError('an expression must not be empty')
    if (Buffer.byteLength(text) > MAX_EXPRESSION_LENGTH) {
      throw new ExpressionInvalidError(`an expression may have ${MAX_EXPRESSION_LENGTH} bytes at most`)
    }
    const walk = new ExpressionWalk()
    const run = parse(text)
    walk.visit(nodeOf(run.ast))
    const checked = run.check()
    if (!checked.valid || checked.type === undefined) throw invalid(checked.error)
    walk.afterTypeCheck()
    const expression = new Expression(text, checked.type, run, walk)
    Expression.#cache.set(text, expression)
    return expression
  }

  evaluate(facts: Facts): Evaluation {
    try {
      return { value: this.#run(facts.cel) }
    } catch (thrown) {
      const absent = absentAttribute(thrown)
      return absent === undefined ? { error: summaryOf(thrown) } : { absent }
    }
  }

  /**
   * Finds an error in one alternative of an `||` chain that an absent attribute in another
   * alternative hides: for `a || b`, CEL may report either side's problem. Evaluates each
   * alternative on its own, because a deny rule must fail closed on an error but not on an absent
   * attribute.
   */
  hiddenError(facts: Facts): string | undefined {
    this.#alternatives ??= alternativesOf(nodeOf(this.#run.ast))
    for (const alternative of this.#alternatives) {
      const outcome = alternative.evaluate(facts)
      if ('error' in outcome) return outcome.error
    }
    return undefined
  }
}

function parse(text: string): ParseResult {
  try {
    return celEnvironment().parse(text)
  } catch (thrown) {
    throw invalid(thrown)
  }
}

function invalid(thrown: unknown): ExpressionInvalidError {
  const start = (thrown as Partial<ParseError>).range?.start
  const where = start === undefined ? '' : ` (at character ${start + 1})`
  return new ExpressionInvalidError(`${summaryOf(thrown)}${where}`, { cause: thrown })
}

/** The library's errors have a summary, which does not quote the expression as the message does. */
function summaryOf(thrown: unknown): string {
  return (thrown as Partial<ParseError>).summary ?? messageOf(thrown)
}

function absentAttribute(thrown: unknown): string | undefined {
  const { EvaluationError } = celLibrary()
  if (!(thrown instanceof EvaluationError) || thrown.code !== 'no_such_key' || !isNode(thrown.node))
    return undefined
  return attributeAccess(thrown.node)?.steps.join('.')
}

function alternativesOf(node: Node): Expression[] {
  if (node.op !== '||') return []
  return (node.args as Node[]).flatMap((side) => {
    const inner = alternativesOf(side)
    if (inner.length > 0) return inner
    const text = side.input.slice(side.range.start, side.range.end)
    try {
      return [Expression.compile(text)]
    } catch {
      return [] // the source range is not an expression by itself, as when it begins inside a parenthesis
    }
  })
}
