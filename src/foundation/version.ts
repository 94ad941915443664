import { readFileSync } from 'node:fs'
import path from 'node:path'

/** The root of the package: two levels up from this file in src/, and from every bundle in dist/. */
export const packageRoot = path.resolve(import.meta.dirname, '../..')

const manifest: { version: string } = JSON.parse(readFileSync(path.join(packageRoot, 'package.json'), 'utf8'))

/** The version of this program. */
export const version: string = manifest.version
