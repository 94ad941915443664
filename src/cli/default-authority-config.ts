import { existsSync } from 'node:fs'
import path from 'node:path'
import { keyDirectory, surroundings } from '../config/places.ts'
import { UsageError } from './errors.ts'

/** Returns the usual place of authority.yaml, if a file is there. @throws UsageError */
export function defaultAuthorityConfig(): string {
  const file = path.join(keyDirectory(surroundings()), 'authority.yaml')
  if (existsSync(file)) return file
  throw new UsageError(`there is no ${file}: give one with --config`)
}
