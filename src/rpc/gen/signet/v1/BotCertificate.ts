// Original file: signet/v1/join.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';
import type { Long } from '@grpc/proto-loader';

export interface BotCertificate {
  'chain'?: (Buffer | Uint8Array | string)[];
  'roots'?: (Buffer | Uint8Array | string)[];
  'trustDomain'?: (string);
  'bot'?: (string);
  'botInstanceId'?: (string);
  'generation'?: (number | string | Long);
  'notAfter'?: (_google_protobuf_Timestamp | null);
  'authorityTime'?: (_google_protobuf_Timestamp | null);
}

export interface BotCertificate__Output {
  'chain': (Buffer)[];
  'roots': (Buffer)[];
  'trustDomain': (string);
  'bot': (string);
  'botInstanceId': (string);
  'generation': (string);
  'notAfter': (_google_protobuf_Timestamp__Output | null);
  'authorityTime': (_google_protobuf_Timestamp__Output | null);
}
