import { readFileSync } from 'node:fs'

// The same two steps up from src/ and from dist/.
const manifest: { version: string } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
)

/** The version of this program. */
export const version: string = manifest.version
