// Original file: signet/v1/admin.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';

export interface ListAuditEventsRequest {
  'events'?: (string)[];
  'ref'?: (string);
  'since'?: (_google_protobuf_Timestamp | null);
  'limit'?: (number);
  'follow'?: (boolean);
}

export interface ListAuditEventsRequest__Output {
  'events': (string)[];
  'ref': (string);
  'since': (_google_protobuf_Timestamp__Output | null);
  'limit': (number);
  'follow': (boolean);
}
