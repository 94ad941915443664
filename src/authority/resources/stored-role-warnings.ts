import type { Logger } from '../../foundation/logger.ts'
import { unsupportedRules } from '../../policy/role.ts'
import type { Catalogue } from './catalogue.ts'
import { roleSpecOf } from './stored-specs.ts'

/**
 * Warns of stored roles with rules that this version does not enforce, so that nobody believes they
 * grant or deny anything.
 */
export function warnOfUnsupportedRules(catalogue: Catalogue, logger: Logger): void {
  for (const stored of catalogue.all('role')) {
    const rules = unsupportedRules(roleSpecOf(stored))
    if (rules.length === 0) continue
    logger.warn(
      { event: 'role.rules_unsupported', role: stored.name, rules },
      'this version does not enforce these rules of a role: they grant and deny nothing',
    )
  }
}
