import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp.ts';
import type { AgentAdminServiceClient as _signet_v1_AgentAdminServiceClient, AgentAdminServiceDefinition as _signet_v1_AgentAdminServiceDefinition } from './signet/v1/AgentAdminService.ts';
import type { AgentAdminServiceExplainRequest as _signet_v1_AgentAdminServiceExplainRequest, AgentAdminServiceExplainRequest__Output as _signet_v1_AgentAdminServiceExplainRequest__Output } from './signet/v1/AgentAdminServiceExplainRequest.ts';
import type { AgentAdminServiceExplainResponse as _signet_v1_AgentAdminServiceExplainResponse, AgentAdminServiceExplainResponse__Output as _signet_v1_AgentAdminServiceExplainResponse__Output } from './signet/v1/AgentAdminServiceExplainResponse.ts';
import type { AgentAdminServiceGetStatusRequest as _signet_v1_AgentAdminServiceGetStatusRequest, AgentAdminServiceGetStatusRequest__Output as _signet_v1_AgentAdminServiceGetStatusRequest__Output } from './signet/v1/AgentAdminServiceGetStatusRequest.ts';
import type { AgentAdminServiceGetStatusResponse as _signet_v1_AgentAdminServiceGetStatusResponse, AgentAdminServiceGetStatusResponse__Output as _signet_v1_AgentAdminServiceGetStatusResponse__Output } from './signet/v1/AgentAdminServiceGetStatusResponse.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  google: {
    protobuf: {
      Timestamp: MessageTypeDefinition<_google_protobuf_Timestamp, _google_protobuf_Timestamp__Output>
    }
  }
  signet: {
    v1: {
      AgentAdminService: SubtypeConstructor<typeof grpc.Client, _signet_v1_AgentAdminServiceClient> & { service: _signet_v1_AgentAdminServiceDefinition }
      AgentAdminServiceExplainRequest: MessageTypeDefinition<_signet_v1_AgentAdminServiceExplainRequest, _signet_v1_AgentAdminServiceExplainRequest__Output>
      AgentAdminServiceExplainResponse: MessageTypeDefinition<_signet_v1_AgentAdminServiceExplainResponse, _signet_v1_AgentAdminServiceExplainResponse__Output>
      AgentAdminServiceGetStatusRequest: MessageTypeDefinition<_signet_v1_AgentAdminServiceGetStatusRequest, _signet_v1_AgentAdminServiceGetStatusRequest__Output>
      AgentAdminServiceGetStatusResponse: MessageTypeDefinition<_signet_v1_AgentAdminServiceGetStatusResponse, _signet_v1_AgentAdminServiceGetStatusResponse__Output>
    }
  }
}

