import path from 'node:path'
import type { ArchiveAuditRequest__Output } from '../../../rpc/gen/signet/v1/ArchiveAuditRequest.ts'
import type { ArchiveAuditResponse } from '../../../rpc/gen/signet/v1/ArchiveAuditResponse.ts'
import type { ListAuditEventsRequest__Output } from '../../../rpc/gen/signet/v1/ListAuditEventsRequest.ts'
import type { ListAuditEventsResponse } from '../../../rpc/gen/signet/v1/ListAuditEventsResponse.ts'
import type { TraceSvidRequest__Output } from '../../../rpc/gen/signet/v1/TraceSvidRequest.ts'
import type { TraceSvidResponse } from '../../../rpc/gen/signet/v1/TraceSvidResponse.ts'
import type { VerifyAuditRequest__Output } from '../../../rpc/gen/signet/v1/VerifyAuditRequest.ts'
import type { VerifyAuditResponse } from '../../../rpc/gen/signet/v1/VerifyAuditResponse.ts'
import type { CallContext, Handlers } from '../../../rpc/handlers.ts'
import { fromTimestamp, toTimestamp } from '../../../rpc/timestamp.ts'
import type { AuditLog } from '../../audit/audit-log.ts'
import type { AuditFilter, AuditRow } from '../../audit/audit-query.ts'
import { AuditArchiveInvalidError, SvidUnknownError } from '../../audit/errors.ts'
import { checkEvents } from '../../audit/event-names.ts'
import { actorOf, type Caller } from '../../caller.ts'

/** AdminService: the audit log. With `follow` the list stays open and goes on with new events. */
export function auditHandlers(
  audit: AuditLog,
): Pick<
  Handlers<Caller, 'signet.v1.AdminService'>,
  'ListAuditEvents' | 'TraceSvid' | 'VerifyAudit' | 'ArchiveAudit'
> {
  return {
    ListAuditEvents: {
      finite: true,
      stream: async function* (
        _caller: Caller,
        request: ListAuditEventsRequest__Output,
        context: CallContext,
      ): AsyncGenerator<ListAuditEventsResponse> {
        const filter = filterOf(request)
        // Read before the list, so that no event is lost between the list and what follows.
        const end = audit.lastSequence
        for await (const rows of audit.pages(filter, end)) yield { events: rows.map(toMessage) }
        if (!request.follow) return
        const { limit: _limit, ...unlimited } = filter
        for await (const row of audit.follow(context.signal, unlimited, end))
          yield { events: [toMessage(row)] }
      },
    },
    TraceSvid: {
      unary: async (_caller: Caller, { name }: TraceSvidRequest__Output): Promise<TraceSvidResponse> => {
        const found = await audit.trace(name)
        if (found === undefined)
          throw new SvidUnknownError(
            'no SVID with this jti or serial number is in the audit log (archives are not looked at)',
          )
        const { issued, delivered, givenUp, isCut } = found
        return {
          issued: toMessage(issued),
          delivered: delivered.map(toMessage),
          givenUp: givenUp.map(toMessage),
          isCut,
        }
      },
    },
    VerifyAudit: {
      unary: async (_caller: Caller, request: VerifyAuditRequest__Output): Promise<VerifyAuditResponse> => {
        const { lastHead = '', problems, signedInArchives, ...found } = await audit.verify(request.heads)
        return {
          ...found,
          lastHead,
          problems: [...problems],
          checkpoint: audit.checkpoint?.line ?? '',
          headPublicKey: audit.publicKeyDer,
          signedInArchives: signedInArchives.map(({ sequence, hash, timeMs }) => ({
            sequence,
            hash,
            timeMs,
          })),
        }
      },
    },
    ArchiveAudit: {
      unary: async (
        caller: Caller,
        { before, directory }: ArchiveAuditRequest__Output,
      ): Promise<ArchiveAuditResponse> => {
        const beforeMs = fromTimestamp(before)
        if (beforeMs === undefined)
          throw new AuditArchiveInvalidError('the time before which to archive is missing')
        if (directory !== '' && !path.isAbsolute(directory))
          throw new AuditArchiveInvalidError('the directory is not an absolute path')
        const place = directory === '' ? undefined : directory
        const { checkpoint, file, bytes, space, freedBytes } = await audit.archive(
          beforeMs,
          actorOf(caller),
          place,
        )
        const { first, last, events, problems } = checkpoint
        return {
          ...{ file, fileBytes: bytes, first, last, events, problems: [...problems], freedBytes },
          reusableBytes: space.reusableBytes,
          shrinks: space.shrinks,
        }
      },
    },
  }
}

function filterOf(request: ListAuditEventsRequest__Output): AuditFilter {
  const sinceMs = fromTimestamp(request.since)
  return {
    ...(request.events.length > 0 ? { events: checkEvents(request.events) } : {}),
    ...(request.ref ? { ref: request.ref } : {}),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    ...(request.limit ? { limit: request.limit } : {}),
  }
}

function toMessage({ timeMs, ref, ...row }: AuditRow) {
  return { ...row, time: toTimestamp(timeMs), ref: ref ?? '' }
}
