import { fromCel } from './cel-values.ts'
import { Expression, type Facts } from './expression.ts'
import { ExpressionInvalidError } from './problem.ts'

const MAX_TEMPLATE_LENGTH = 8192
const TEXT_TYPES = /^(string|int|dyn.*)$/

/** Literal text, or an expression between `{{` and `}}`. */
export type TemplatePart = string | Expression

/** A rendered value, or a sentence saying why there is none. */
export type Rendered<T> = { readonly value: T } | { readonly refused: string }

/** Splits a template into its parts. @throws ExpressionInvalidError */
export function parseTemplate(text: string): TemplatePart[] {
  if (text.length > MAX_TEMPLATE_LENGTH) {
    throw new ExpressionInvalidError(`a template may have ${MAX_TEMPLATE_LENGTH} characters at most`)
  }
  const parts: TemplatePart[] = []
  let at = 0
  while (at < text.length) {
    const open = text.indexOf('{{', at)
    const literal = open < 0 ? text.slice(at) : text.slice(at, open)
    if (literal.includes('}}')) throw new ExpressionInvalidError('"}}" without "{{" before it')
    if (literal !== '') parts.push(literal)
    if (open < 0) break
    const close = endOfExpression(text, open + 2)
    parts.push(Expression.compile(text.slice(open + 2, close).trim()))
    at = close + 2
  }
  return parts
}

/** Finds the `}}` that ends an expression, skipping quotes and the braces of maps. */
function endOfExpression(text: string, from: number): number {
  let quote: string | undefined
  let depth = 0
  for (let at = from; at < text.length; at += 1) {
    const char = text[at]
    if (quote !== undefined) {
      if (char === '\\') at += 1
      else if (char === quote) quote = undefined
    } else if (char === '"' || char === "'") quote = char
    else if (char === '{') depth += 1
    else if (char === '}') {
      if (depth === 0 && text[at + 1] === '}') return at
      depth = Math.max(0, depth - 1)
    }
  }
  throw new ExpressionInvalidError('"{{" without "}}" after it')
}

/**
 * Refuses an expression whose type can never become text: only text and whole numbers can.
 * @throws ExpressionInvalidError
 */
export function checkTextual(expression: Expression): void {
  if (TEXT_TYPES.test(expression.type)) return
  throw new ExpressionInvalidError(
    `{{ ${expression.text} }} gives ${expression.type}; only text and whole numbers can become part of a text`,
  )
}

/** Renders the parts to one text. */
export function renderText(parts: readonly TemplatePart[], facts: Facts): Rendered<string> {
  let text = ''
  for (const part of parts) {
    if (typeof part === 'string') {
      text += part
      continue
    }
    const outcome = part.evaluate(facts)
    if (!('value' in outcome)) return { refused: refusal(part, outcome) }
    const { value } = outcome
    if (typeof value !== 'string' && typeof value !== 'bigint') {
      return { refused: `{{ ${part.text} }} is neither text nor a whole number` }
    }
    text += value
  }
  return { value: text }
}

/** Renders a template that is a single expression, keeping the type. */
export function renderValue(expression: Expression, facts: Facts): Rendered<unknown> {
  const outcome = expression.evaluate(facts)
  if (!('value' in outcome)) return { refused: refusal(expression, outcome) }
  const value = fromCel(outcome.value)
  return value === undefined
    ? { refused: `{{ ${expression.text} }} has a value that a claim cannot hold` }
    : { value }
}

function refusal(
  part: Expression,
  outcome: { readonly absent: string } | { readonly error: string },
): string {
  return 'absent' in outcome
    ? `${outcome.absent} is absent, which {{ ${part.text} }} needs`
    : `{{ ${part.text} }} cannot be evaluated (${outcome.error})`
}
