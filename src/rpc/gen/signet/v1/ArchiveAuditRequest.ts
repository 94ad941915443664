// Original file: signet/v1/admin.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';

export interface ArchiveAuditRequest {
  'before'?: (_google_protobuf_Timestamp | null);
  'directory'?: (string);
}

export interface ArchiveAuditRequest__Output {
  'before': (_google_protobuf_Timestamp__Output | null);
  'directory': (string);
}
