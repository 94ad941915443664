// Original file: signet/v1/admin.proto

import type { AuditEvent as _signet_v1_AuditEvent, AuditEvent__Output as _signet_v1_AuditEvent__Output } from '../../signet/v1/AuditEvent.ts';

export interface ListAuditEventsResponse {
  'events'?: (_signet_v1_AuditEvent)[];
}

export interface ListAuditEventsResponse__Output {
  'events': (_signet_v1_AuditEvent__Output)[];
}
