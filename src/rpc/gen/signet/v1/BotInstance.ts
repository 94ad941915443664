// Original file: signet/v1/admin.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';
import type { Long } from '@grpc/proto-loader';

export interface BotInstance {
  'id'?: (string);
  'bot'?: (string);
  'joinToken'?: (string);
  'generation'?: (number | string | Long);
  'joined'?: (_google_protobuf_Timestamp | null);
  'renewed'?: (_google_protobuf_Timestamp | null);
  'notAfter'?: (_google_protobuf_Timestamp | null);
  'agentVersion'?: (string);
  'hostname'?: (string);
  'connected'?: (boolean);
}

export interface BotInstance__Output {
  'id': (string);
  'bot': (string);
  'joinToken': (string);
  'generation': (string);
  'joined': (_google_protobuf_Timestamp__Output | null);
  'renewed': (_google_protobuf_Timestamp__Output | null);
  'notAfter': (_google_protobuf_Timestamp__Output | null);
  'agentVersion': (string);
  'hostname': (string);
  'connected': (boolean);
}
