// Original file: signet/v1/admin.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';

export interface Resource {
  'kind'?: (string);
  'name'?: (string);
  'yaml'?: (string);
  'json'?: (string);
  'revision'?: (string);
  'updated'?: (_google_protobuf_Timestamp | null);
  'uses'?: (number);
}

export interface Resource__Output {
  'kind': (string);
  'name': (string);
  'yaml': (string);
  'json': (string);
  'revision': (string);
  'updated': (_google_protobuf_Timestamp__Output | null);
  'uses': (number);
}
