// Original file: signet/v1/agent_admin.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';

export interface HeldSvid {
  'spiffeId'?: (string);
  'workloadIdentity'?: (string);
  'expires'?: (_google_protobuf_Timestamp | null);
  'streams'?: (number);
}

export interface HeldSvid__Output {
  'spiffeId': (string);
  'workloadIdentity': (string);
  'expires': (_google_protobuf_Timestamp__Output | null);
  'streams': (number);
}
