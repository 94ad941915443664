// Original file: signet/v1/admin.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';

export interface Ca {
  'id'?: (string);
  'purpose'?: (string);
  'state'?: (string);
  'keyId'?: (string);
  'notBefore'?: (_google_protobuf_Timestamp | null);
  'notAfter'?: (_google_protobuf_Timestamp | null);
  'created'?: (_google_protobuf_Timestamp | null);
  'nextChange'?: (_google_protobuf_Timestamp | null);
  'algorithm'?: (string);
}

export interface Ca__Output {
  'id': (string);
  'purpose': (string);
  'state': (string);
  'keyId': (string);
  'notBefore': (_google_protobuf_Timestamp__Output | null);
  'notAfter': (_google_protobuf_Timestamp__Output | null);
  'created': (_google_protobuf_Timestamp__Output | null);
  'nextChange': (_google_protobuf_Timestamp__Output | null);
  'algorithm': (string);
}
