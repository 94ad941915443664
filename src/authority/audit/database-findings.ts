import { messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Datastore } from '../datastore/ports.ts'
import type { Finding } from '../datastore/seals/sealer.ts'
import type { AuditLog } from './audit-log.ts'

/** Only this many refused rows are named. */
const MAX_NAMED = 20

interface Deps {
  readonly datastore: Datastore
  readonly audit: Pick<AuditLog, 'record' | 'within'>
  readonly logger: Logger
}

/**
 * Reports, in the log and the audit log, what changed the database from outside, and deletes rows
 * that are refused.
 */
export async function reportFindings(deps: Deps, accepted: readonly string[]): Promise<void> {
  const { datastore, audit, logger } = deps
  const { adopted } = datastore
  if (adopted) {
    logger.warn(
      { event: 'database.sealed', ...adopted },
      'the rows of the database had no seals: they are sealed now as they are, and from now on no row without a seal is used',
    )
    await audit.record('database.sealed', 'authority', adopted)
  }
  for (const problem of accepted) {
    logger.warn({ event: 'database.accepted', problem }, 'an altered database is accepted as it is')
    await audit.record('database.accepted', 'authority', { problem })
  }
  const first: Promise<void>[] = []
  datastore.watchFindings((finding) => void first.push(report(finding, deps)))
  await Promise.all(first)
}

async function report({ foreign, problems }: Finding, { datastore, audit, logger }: Deps): Promise<void> {
  const rows = foreign.slice(0, MAX_NAMED).map(({ table, name, sha256 }) => ({ table, name, sha256 }))
  const refused = { count: foreign.length, rows }
  if (foreign.length > 0) {
    logger.error(
      { event: 'database.rows_refused', ...refused },
      'rows that this authority did not write are ignored and removed',
    )
  }
  for (const problem of problems) {
    logger.error(
      { event: 'database.altered', problem },
      'the database was changed by something other than this authority',
    )
  }
  try {
    await datastore.transaction(async (tx) => {
      if (foreign.length > 0) {
        tx.discard(foreign)
        audit.within(tx, 'database.rows_refused', 'authority', refused)
      }
      for (const problem of problems) audit.within(tx, 'database.altered', 'authority', { problem })
    })
  } catch (error) {
    // The refused rows stay unused and will be found again. The problem is in the log already.
    logger.error({ error: messageOf(error) }, 'cannot record what was done to the database')
  }
}
