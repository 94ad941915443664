// Original file: signet/v1/admin.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';
import type { Long } from '@grpc/proto-loader';

export interface GetStatusResponse {
  'version'?: (string);
  'trustDomain'?: (string);
  'started'?: (_google_protobuf_Timestamp | null);
  'pin'?: (string);
  'listen'?: (string);
  'publicAddress'?: (string);
  'connectedAgents'?: (number);
  'workloadIdentities'?: (number | string | Long);
}

export interface GetStatusResponse__Output {
  'version': (string);
  'trustDomain': (string);
  'started': (_google_protobuf_Timestamp__Output | null);
  'pin': (string);
  'listen': (string);
  'publicAddress': (string);
  'connectedAgents': (number);
  'workloadIdentities': (string);
}
