// Original file: signet/v1/agent_admin.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';
import type { HeldSvid as _signet_v1_HeldSvid, HeldSvid__Output as _signet_v1_HeldSvid__Output } from '../../signet/v1/HeldSvid.ts';
import type { Long } from '@grpc/proto-loader';

export interface AgentAdminServiceGetStatusResponse {
  'version'?: (string);
  'trustDomain'?: (string);
  'bot'?: (string);
  'botInstanceId'?: (string);
  'generation'?: (number | string | Long);
  'botIdentityExpires'?: (_google_protobuf_Timestamp | null);
  'lastSync'?: (_google_protobuf_Timestamp | null);
  'connected'?: (boolean);
  'workloadIdentities'?: (number);
  'openStreams'?: (number);
  'clockSkewMs'?: (number | string | Long);
  'socket'?: (string);
  'cachedSvids'?: (number);
  'authority'?: (string);
  'state'?: (string);
  'ready'?: (boolean);
  'reason'?: (string);
  'remedy'?: (string);
  'failedAttempts'?: (number);
  'failingSince'?: (_google_protobuf_Timestamp | null);
  'nextAttempt'?: (_google_protobuf_Timestamp | null);
  'svids'?: (_signet_v1_HeldSvid)[];
  'svidsLeftOut'?: (number);
  'clockSkewKnown'?: (boolean);
}

export interface AgentAdminServiceGetStatusResponse__Output {
  'version': (string);
  'trustDomain': (string);
  'bot': (string);
  'botInstanceId': (string);
  'generation': (string);
  'botIdentityExpires': (_google_protobuf_Timestamp__Output | null);
  'lastSync': (_google_protobuf_Timestamp__Output | null);
  'connected': (boolean);
  'workloadIdentities': (number);
  'openStreams': (number);
  'clockSkewMs': (string);
  'socket': (string);
  'cachedSvids': (number);
  'authority': (string);
  'state': (string);
  'ready': (boolean);
  'reason': (string);
  'remedy': (string);
  'failedAttempts': (number);
  'failingSince': (_google_protobuf_Timestamp__Output | null);
  'nextAttempt': (_google_protobuf_Timestamp__Output | null);
  'svids': (_signet_v1_HeldSvid__Output)[];
  'svidsLeftOut': (number);
  'clockSkewKnown': (boolean);
}
