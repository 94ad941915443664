// Original file: signet/v1/join.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';

export interface JoinStart {
  'protocolVersion'?: (number);
  'joinToken'?: (string);
  'publicKey'?: (Buffer | Uint8Array | string);
  'proofOfPossession'?: (Buffer | Uint8Array | string);
  'method'?: (string);
  'proof'?: (Buffer | Uint8Array | string);
  'agentTime'?: (_google_protobuf_Timestamp | null);
  'agentVersion'?: (string);
  'hostname'?: (string);
}

export interface JoinStart__Output {
  'protocolVersion': (number);
  'joinToken': (string);
  'publicKey': (Buffer);
  'proofOfPossession': (Buffer);
  'method': (string);
  'proof': (Buffer);
  'agentTime': (_google_protobuf_Timestamp__Output | null);
  'agentVersion': (string);
  'hostname': (string);
}
