// Original file: signet/v1/admin.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';

export interface CreateJoinTokenResponse {
  'name'?: (string);
  'secret'?: (string);
  'expires'?: (_google_protobuf_Timestamp | null);
  'pin'?: (string);
  'publicAddress'?: (string);
  'trustDomain'?: (string);
}

export interface CreateJoinTokenResponse__Output {
  'name': (string);
  'secret': (string);
  'expires': (_google_protobuf_Timestamp__Output | null);
  'pin': (string);
  'publicAddress': (string);
  'trustDomain': (string);
}
