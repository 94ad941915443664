// Original file: signet/v1/join.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';

export interface RenewRequest {
  'protocolVersion'?: (number);
  'publicKey'?: (Buffer | Uint8Array | string);
  'proofOfPossession'?: (Buffer | Uint8Array | string);
  'agentTime'?: (_google_protobuf_Timestamp | null);
  'agentVersion'?: (string);
}

export interface RenewRequest__Output {
  'protocolVersion': (number);
  'publicKey': (Buffer);
  'proofOfPossession': (Buffer);
  'agentTime': (_google_protobuf_Timestamp__Output | null);
  'agentVersion': (string);
}
