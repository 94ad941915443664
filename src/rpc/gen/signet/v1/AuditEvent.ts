// Original file: signet/v1/admin.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';
import type { Long } from '@grpc/proto-loader';

export interface AuditEvent {
  'sequence'?: (number | string | Long);
  'time'?: (_google_protobuf_Timestamp | null);
  'event'?: (string);
  'actor'?: (string);
  'ref'?: (string);
  'detailJson'?: (string);
  'hash'?: (Buffer | Uint8Array | string);
}

export interface AuditEvent__Output {
  'sequence': (string);
  'time': (_google_protobuf_Timestamp__Output | null);
  'event': (string);
  'actor': (string);
  'ref': (string);
  'detailJson': (string);
  'hash': (Buffer);
}
