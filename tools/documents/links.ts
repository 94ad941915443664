import { existsSync } from 'node:fs'
import path from 'node:path'
import type { Document } from './read.ts'

const FENCE = /^(`{3,})[^\n]*\n[\s\S]*?^\1$/gm
const LINK = /\]\(([^)\s]+)\)/g
const FOREIGN = /^(?:https?|mailto):/

/**
 * Returns a message for each link of `document` that leads nowhere. Links to other hosts are not
 * followed.
 */
export function brokenLinks(
  document: Document,
  documents: readonly Document[],
  root: string,
): readonly string[] {
  const targets = Array.from(prose(document).matchAll(LINK), ([, target = '']) => target)
  return targets.flatMap((target) => {
    if (FOREIGN.test(target)) return []
    const [file = '', anchor] = target.split('#')
    const name = file === '' ? document.name : path.posix.join(path.posix.dirname(document.name), file)
    if (!existsSync(path.join(root, name))) return [`${target}: there is no ${name}`]
    if (anchor === undefined) return []
    const there = documents.find((one) => one.name === name)
    if (there === undefined) return [`${target}: an anchor in what is not one of the documents`]
    return anchorsOf(there).includes(anchor) ? [] : [`${target}: ${name} has no such heading`]
  })
}

/** The anchors that GitHub gives to the headings of a document, in order. */
export function anchorsOf(document: Document): readonly string[] {
  const seen = new Map<string, number>()
  return Array.from(prose(document).matchAll(/^#+ +(.*)$/gm), ([, heading = '']) => {
    const anchor = heading
      .trim()
      .toLowerCase()
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replaceAll(/[^\p{L}\p{N}_\- ]/gu, '')
      .replaceAll(' ', '-')
    const before = seen.get(anchor) ?? 0
    seen.set(anchor, before + 1)
    return before === 0 ? anchor : `${anchor}-${before}`
  })
}

/** The document without code blocks. */
const prose = ({ text }: Document): string => text.replaceAll(FENCE, '')
