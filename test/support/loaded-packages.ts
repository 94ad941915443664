import { writeSync } from 'node:fs'
import { registerHooks } from 'node:module'

/**
 * Preloaded into a program: reports on standard error each package of node_modules and each part of a bundle
 * when it is loaded.
 */

const PACKAGE = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//
const PART = /\/dist\/chunks\/([\w-]+)-[A-Z0-9]+\.js$/
const told = new Set<string>()

registerHooks({
  load: (url, context, next) => {
    const name = (PACKAGE.exec(url) ?? PART.exec(url))?.[1]
    if (name !== undefined && !told.has(name)) {
      told.add(name)
      writeSync(process.stderr.fd, `loaded ${name}\n`)
    }
    return next(url, context)
  },
})
