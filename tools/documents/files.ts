import { globSync } from 'node:fs'
import type { Document } from './read.ts'

/**
 * A file or folder of the repository between backquotes in a document. May contain `<placeholders>`
 * and `*`.
 */
const NAMED = /`([\w.-]*(?:<[\w-]+>|[\w./*-])+(?:\.(?:ts|js|proto|svg)|\/))`/g

/** Directories on hosts, not in the repository. */
const ELSEWHERE = /^(?:\/|\.signet\/|config\/|data\/|agent-data\/|run\/|release\/|dist\/)/

/** Lists the files of the repository, relative to `root`. */
export function listFiles(root: string): readonly string[] {
  return globSync(['*.*', '{bin,deploy,docs,proto,src,test,tools}/**/*.*'], { cwd: root })
}

/** Returns the names in a document that no file or folder matches. A name may leave out leading folders. */
export function missingFiles({ text }: Document, files: readonly string[]): readonly string[] {
  const named = Array.from(text.matchAll(NAMED), ([, name = '']) => name)
  return named.filter((name) => !ELSEWHERE.test(name) && !files.some(matcherOf(name)))
}

function matcherOf(name: string): (file: string) => boolean {
  const pattern = name.replaceAll(/[.]/g, '\\.').replaceAll(/<[\w-]+>|\*+/g, '[^/]+')
  const whole = new RegExp(name.endsWith('/') ? `(?:^|/)${pattern}` : `(?:^|/)${pattern}$`)
  return (file) => whole.test(file)
}
