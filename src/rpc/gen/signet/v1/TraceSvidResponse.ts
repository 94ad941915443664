// Original file: signet/v1/admin.proto

import type { AuditEvent as _signet_v1_AuditEvent, AuditEvent__Output as _signet_v1_AuditEvent__Output } from '../../signet/v1/AuditEvent.ts';

export interface TraceSvidResponse {
  'issued'?: (_signet_v1_AuditEvent | null);
  'delivered'?: (_signet_v1_AuditEvent)[];
  'givenUp'?: (_signet_v1_AuditEvent)[];
  'isCut'?: (boolean);
}

export interface TraceSvidResponse__Output {
  'issued': (_signet_v1_AuditEvent__Output | null);
  'delivered': (_signet_v1_AuditEvent__Output)[];
  'givenUp': (_signet_v1_AuditEvent__Output)[];
  'isCut': (boolean);
}
