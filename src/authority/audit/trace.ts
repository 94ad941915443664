import { setImmediate } from 'node:timers/promises'
import { storedAuditRows } from '../datastore/audit-rows.ts'
import type { Datastore } from '../datastore/ports.ts'
import { type AuditRow, toAuditRow } from './audit-query.ts'
import type { AuditEventName } from './events.ts'

interface Named {
  readonly jti?: unknown
  readonly serial?: unknown
}

/** The recorded history of one SVID. */
export interface SvidTrace {
  readonly issued: AuditRow
  /** Delivery reports of the agent that it was issued to. */
  readonly delivered: readonly AuditRow[]
  /** What that agent could not report since then. */
  readonly givenUp: readonly AuditRow[]
  /** True when there are more rows than are returned. */
  readonly isCut: boolean
}

const ISSUED: readonly AuditEventName[] = ['x509_svid.issued', 'jwt_svid.issued']
const DELIVERED: AuditEventName = 'svid.delivered'
const GIVEN_UP: readonly AuditEventName[] = ['report.given_up', 'report.given_up_more']
/** Rows searched before other calls get a turn. */
const STRETCH = 4_000
/** Limits per kind, so that dropped reports cannot crowd out deliveries. */
const MAX_ROWS = 10_000
const MAX_BYTES = 16 * 1024 * 1024

/**
 * Finds the row of the SVID with this `jti` or serial number, and the reports of its delivery. Reads
 * the whole log once; other calls go on meanwhile.
 */
export async function traceSvid(
  datastore: Datastore,
  name: string,
  lastSequence: number,
): Promise<SvidTrace | undefined> {
  const names = [`"jti":${JSON.stringify(name)}`, `"serial":${JSON.stringify(name.toLowerCase())}`]
  let issued: AuditRow | undefined
  let agent: string | undefined
  const delivered = new BoundedRows()
  const givenUp = new BoundedRows()
  for (let after = 0; after < lastSequence; after += STRETCH) {
    for (const row of await candidates(datastore, { after, upTo: after + STRETCH }, names)) {
      const { event } = row
      if (issued === undefined && isIssued(event) && isNamed(row, name)) {
        issued = row
        agent = row.actor
      } else if (row.actor !== agent) {
        // Another agent's report about an SVID that it was not issued is ignored.
      } else if (event === DELIVERED) {
        if (isAmong(row, name)) delivered.add(row)
      } else if (GIVEN_UP.includes(event as AuditEventName)) givenUp.add(row)
    }
    await setImmediate() // let other calls run
  }
  const isCut = delivered.isFull || givenUp.isFull
  return issued && { issued, delivered: delivered.rows, givenUp: givenUp.rows, isCut }
}

async function candidates(
  datastore: Datastore,
  range: { readonly after: number; readonly upTo: number },
  names: readonly string[],
): Promise<AuditRow[]> {
  const found: AuditRow[] = []
  const naming = {
    events: [...ISSUED, DELIVERED, ...GIVEN_UP],
    containing: { texts: names, unless: GIVEN_UP },
  }
  const pages = storedAuditRows(datastore, range, naming)
  for await (const rows of pages) found.push(...rows.map(toAuditRow))
  return found
}

/** Collects as many rows as fit into one answer. */
class BoundedRows {
  readonly rows: AuditRow[] = []
  isFull = false
  #bytes = 0

  add(row: AuditRow): void {
    this.#bytes += row.detailJson.length
    this.isFull ||= this.rows.length === MAX_ROWS || this.#bytes > MAX_BYTES
    if (!this.isFull) this.rows.push(row)
  }
}

function isIssued(event: string): boolean {
  return (ISSUED as readonly string[]).includes(event)
}

/** The search finds the text anywhere in the row; this checks that it is the name of the SVID. */
function isNamed({ detailJson }: AuditRow, name: string): boolean {
  const { jti, serial } = detailOf(detailJson)
  return jti === name || serial === name.toLowerCase()
}

function isAmong({ detailJson }: AuditRow, name: string): boolean {
  const { svids } = detailOf(detailJson)
  if (!Array.isArray(svids)) return false
  return svids.some((svid: Named | null) => svid?.jti === name || svid?.serial === name.toLowerCase())
}

/** Does not trust the JSON: somebody may have changed the row. */
function detailOf(detailJson: string): Named & { readonly svids?: unknown } {
  try {
    return (JSON.parse(detailJson) as object | null) ?? {}
  } catch {
    return {}
  }
}
