import { globSync } from 'node:fs'
import type { Document } from './read.ts'

/** A file or folder of the repository, as a document names it between backquotes; may have `<placeholders>` and `*`. */
const NAMED = /`([\w.-]*(?:<[\w-]+>|[\w./*-])+(?:\.(?:ts|js|proto|svg)|\/))`/g

/** Folders of hosts, not of the repository. */
const ELSEWHERE = /^(?:\/|\.signet\/|config\/|data\/|agent-data\/|run\/|release\/|dist\/)/

/** Every file of the repository, relative to `root`. */
export function listFiles(root: string): readonly string[] {
  return globSync(['*.*', '{bin,deploy,docs,proto,src,test,tools}/**/*.*'], { cwd: root })
}

/**
 * What a document names and nobody finds. A name may leave out the folders before it, as long as a file or a folder
 * ends with it.
 */
export function missingFiles({ text }: Document, files: readonly string[]): readonly string[] {
  const named = Array.from(text.matchAll(NAMED), ([, name = '']) => name)
  return named.filter((name) => !ELSEWHERE.test(name) && !files.some(matcherOf(name)))
}

function matcherOf(name: string): (file: string) => boolean {
  const pattern = name.replaceAll(/[.]/g, '\\.').replaceAll(/<[\w-]+>|\*+/g, '[^/]+')
  const whole = new RegExp(name.endsWith('/') ? `(?:^|/)${pattern}` : `(?:^|/)${pattern}$`)
  return (file) => whole.test(file)
}
