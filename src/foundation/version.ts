import { readFileSync } from 'node:fs'
import path from 'node:path'

/** Where this program lies: two steps up from here in src/, and from every part of it in dist/. */
export const packageRoot = path.resolve(import.meta.dirname, '../..')

const manifest: { version: string } = JSON.parse(readFileSync(path.join(packageRoot, 'package.json'), 'utf8'))

/** The version of this program. */
export const version: string = manifest.version
