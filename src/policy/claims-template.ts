import { isPortableJson } from '../spiffe/jwt-svid-claims.ts'
import { Expression, type Facts } from './expression.ts'
import { ExpressionInvalidError, isMapping, type ProblemPath, type Problems } from './problem.ts'
import {
  checkTextual,
  parseTemplate,
  type Rendered,
  renderText,
  renderValue,
  type TemplatePart,
} from './template.ts'

/**
 * Claims that only the issuer may set (RFC 7519 §4.1, RFC 7800 §3.1) and claims that a reader would
 * take for authorisation (RFC 8693 §4).
 */
const REGISTERED_CLAIMS: ReadonlySet<string> = new Set([
  'iss',
  'sub',
  'aud',
  'exp',
  'nbf',
  'iat',
  'jti',
  'cnf',
  'act',
  'may_act',
  'client_id',
  'scope',
  'azp',
])
const MAX_NODES = 256
const MAX_DEPTH = 8
const MAX_BYTES = 4096

type TemplateNode =
  | { readonly constant: unknown }
  | { readonly parts: readonly TemplatePart[] }
  | { readonly list: readonly TemplateNode[] }
  | { readonly map: readonly (readonly [string, TemplateNode])[] }

/**
 * Extra claims of JWT-SVIDs; they cannot set registered ones (decision 0015). Values may be nested.
 * A text that is a single template keeps the type of its expression.
 */
export class ClaimsTemplate {
  readonly usedAttributes = new Set<string>()
  readonly #root: TemplateNode
  #nodes = 0

  private constructor(claims: Readonly<Record<string, unknown>>, path: ProblemPath, problems: Problems) {
    for (const name of Object.keys(claims)) {
      if (REGISTERED_CLAIMS.has(name)) problems.add([...path, name], 'this claim is set by the issuer alone')
    }
    this.#root = this.#compile(claims, path, problems, 0)
  }

  static compile(claims: unknown, path: ProblemPath, problems: Problems): ClaimsTemplate | undefined {
    if (isMapping(claims)) return new ClaimsTemplate(claims, path, problems)
    problems.add(path, 'expected a mapping of claims')
    return undefined
  }

  render(facts: Facts): Rendered<Readonly<Record<string, unknown>>> {
    const rendered = render(this.#root, facts)
    if ('refused' in rendered) return { refused: `jwt.extra_claims: ${rendered.refused}` }
    // Rendered values come from attributes; they must not produce a token that some readers reject.
    if (!isPortableJson(rendered.value))
      return { refused: 'jwt.extra_claims: a value that some JSON readers reject' }
    if (this.usedAttributes.size > 0 && Buffer.byteLength(JSON.stringify(rendered.value)) > MAX_BYTES) {
      return { refused: `jwt.extra_claims: more than ${MAX_BYTES} bytes` }
    }
    return rendered as Rendered<Readonly<Record<string, unknown>>>
  }

  #compile(value: unknown, path: ProblemPath, problems: Problems, depth: number): TemplateNode {
    this.#nodes += 1
    if (this.#nodes === MAX_NODES || depth > MAX_DEPTH) {
      problems.add(path, `claims may hold ${MAX_NODES} values, ${MAX_DEPTH} levels deep, at most`)
    }
    if (this.#nodes >= MAX_NODES || depth > MAX_DEPTH) return { constant: null }
    if (typeof value === 'string') return this.#text(value, path, problems)
    if (Array.isArray(value)) {
      return { list: value.map((item, at) => this.#compile(item, [...path, at], problems, depth + 1)) }
    }
    if (isMapping(value)) {
      const members = Object.entries(value).map(([name, inner]) => {
        if (name.includes('{{')) problems.add([...path, name], 'a claim name cannot be a template')
        if (!name.isWellFormed()) problems.add([...path, name], 'a lone surrogate, which is not text')
        return [name, this.#compile(inner, [...path, name], problems, depth + 1)] as const
      })
      return { map: members }
    }
    const plain = value === null || typeof value === 'boolean' || Number.isFinite(value)
    if (!plain) problems.add(path, 'not a value that JSON can hold')
    // Refused even if the parsed value looks exact: what was written may have been rounded.
    if (Number.isInteger(value) && !Number.isSafeInteger(value))
      problems.add(path, 'a whole number beyond 2^53, which JSON readers round: write it in quotes')
    return { constant: value }
  }

  #text(text: string, path: ProblemPath, problems: Problems): TemplateNode {
    if (!text.isWellFormed()) problems.add(path, 'a lone surrogate, which is not text')
    if (!text.includes('{{') && !text.includes('}}')) return { constant: text }
    const parts = problems.attempt(path, () => {
      const parsed = parseTemplate(text)
      for (const part of parsed) {
        if (!(part instanceof Expression)) continue
        for (const attribute of part.usedAttributes) this.usedAttributes.add(attribute)
        if (parsed.length > 1) checkTextual(part)
        else if (/^(bytes|type|google\.|Unix|Workload|Bot)/.test(part.type)) {
          throw new ExpressionInvalidError(`{{ ${part.text} }} gives ${part.type}, which a claim cannot hold`)
        }
      }
      return parsed
    })
    return { parts: parts ?? [] }
  }
}

function render(node: TemplateNode, facts: Facts): Rendered<unknown> {
  if ('constant' in node) return { value: node.constant }
  if ('parts' in node) {
    const [only] = node.parts
    return node.parts.length === 1 && only instanceof Expression
      ? renderValue(only, facts)
      : renderText(node.parts, facts)
  }
  if ('list' in node) {
    const items: unknown[] = []
    for (const item of node.list) {
      const rendered = render(item, facts)
      if ('refused' in rendered) return rendered
      items.push(rendered.value)
    }
    return { value: items }
  }
  const members: [string, unknown][] = []
  for (const [name, inner] of node.map) {
    const rendered = render(inner, facts)
    if ('refused' in rendered) return rendered
    members.push([name, rendered.value])
  }
  return { value: Object.fromEntries(members) }
}
