// Original file: signet/v1/join.proto

import type { SecretProof as _signet_v1_SecretProof, SecretProof__Output as _signet_v1_SecretProof__Output } from '../../signet/v1/SecretProof.ts';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';

export interface JoinRequest {
  'protocolVersion'?: (number);
  'joinToken'?: (string);
  'publicKey'?: (Buffer | Uint8Array | string);
  'proofOfPossession'?: (Buffer | Uint8Array | string);
  'secret'?: (_signet_v1_SecretProof | null);
  'agentTime'?: (_google_protobuf_Timestamp | null);
  'agentVersion'?: (string);
  'hostname'?: (string);
  'proof'?: "secret";
}

export interface JoinRequest__Output {
  'protocolVersion': (number);
  'joinToken': (string);
  'publicKey': (Buffer);
  'proofOfPossession': (Buffer);
  'secret'?: (_signet_v1_SecretProof__Output | null);
  'agentTime': (_google_protobuf_Timestamp__Output | null);
  'agentVersion': (string);
  'hostname': (string);
  'proof'?: "secret";
}
