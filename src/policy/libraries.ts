import { createRequire } from 'node:module'
import type * as Cel from '@marcbachmann/cel-js'
import type * as Re2 from 're2js'

/**
 * The libraries for expressions and regular expressions, loaded at first use: most programs start
 * without an expression. Loaded synchronously, because a decision cannot await an import.
 */

const require = createRequire(import.meta.url)

export function celLibrary(): typeof Cel {
  return require('@marcbachmann/cel-js') as typeof Cel
}

export function re2Library(): typeof Re2 {
  return require('re2js') as typeof Re2
}
