// Original file: signet/v1/agent_admin.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { AgentAdminServiceExplainRequest as _signet_v1_AgentAdminServiceExplainRequest, AgentAdminServiceExplainRequest__Output as _signet_v1_AgentAdminServiceExplainRequest__Output } from '../../signet/v1/AgentAdminServiceExplainRequest.ts';
import type { AgentAdminServiceExplainResponse as _signet_v1_AgentAdminServiceExplainResponse, AgentAdminServiceExplainResponse__Output as _signet_v1_AgentAdminServiceExplainResponse__Output } from '../../signet/v1/AgentAdminServiceExplainResponse.ts';
import type { AgentAdminServiceGetStatusRequest as _signet_v1_AgentAdminServiceGetStatusRequest, AgentAdminServiceGetStatusRequest__Output as _signet_v1_AgentAdminServiceGetStatusRequest__Output } from '../../signet/v1/AgentAdminServiceGetStatusRequest.ts';
import type { AgentAdminServiceGetStatusResponse as _signet_v1_AgentAdminServiceGetStatusResponse, AgentAdminServiceGetStatusResponse__Output as _signet_v1_AgentAdminServiceGetStatusResponse__Output } from '../../signet/v1/AgentAdminServiceGetStatusResponse.ts';

export interface AgentAdminServiceClient extends grpc.Client {
  Explain(argument: _signet_v1_AgentAdminServiceExplainRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_AgentAdminServiceExplainResponse__Output>): grpc.ClientUnaryCall;
  Explain(argument: _signet_v1_AgentAdminServiceExplainRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_AgentAdminServiceExplainResponse__Output>): grpc.ClientUnaryCall;
  Explain(argument: _signet_v1_AgentAdminServiceExplainRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_AgentAdminServiceExplainResponse__Output>): grpc.ClientUnaryCall;
  Explain(argument: _signet_v1_AgentAdminServiceExplainRequest, callback: grpc.requestCallback<_signet_v1_AgentAdminServiceExplainResponse__Output>): grpc.ClientUnaryCall;
  explain(argument: _signet_v1_AgentAdminServiceExplainRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_AgentAdminServiceExplainResponse__Output>): grpc.ClientUnaryCall;
  explain(argument: _signet_v1_AgentAdminServiceExplainRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_AgentAdminServiceExplainResponse__Output>): grpc.ClientUnaryCall;
  explain(argument: _signet_v1_AgentAdminServiceExplainRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_AgentAdminServiceExplainResponse__Output>): grpc.ClientUnaryCall;
  explain(argument: _signet_v1_AgentAdminServiceExplainRequest, callback: grpc.requestCallback<_signet_v1_AgentAdminServiceExplainResponse__Output>): grpc.ClientUnaryCall;
  
  GetStatus(argument: _signet_v1_AgentAdminServiceGetStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_AgentAdminServiceGetStatusResponse__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _signet_v1_AgentAdminServiceGetStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_AgentAdminServiceGetStatusResponse__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _signet_v1_AgentAdminServiceGetStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_AgentAdminServiceGetStatusResponse__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _signet_v1_AgentAdminServiceGetStatusRequest, callback: grpc.requestCallback<_signet_v1_AgentAdminServiceGetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _signet_v1_AgentAdminServiceGetStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_AgentAdminServiceGetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _signet_v1_AgentAdminServiceGetStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_AgentAdminServiceGetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _signet_v1_AgentAdminServiceGetStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_AgentAdminServiceGetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _signet_v1_AgentAdminServiceGetStatusRequest, callback: grpc.requestCallback<_signet_v1_AgentAdminServiceGetStatusResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface AgentAdminServiceHandlers extends grpc.UntypedServiceImplementation {
  Explain: grpc.handleUnaryCall<_signet_v1_AgentAdminServiceExplainRequest__Output, _signet_v1_AgentAdminServiceExplainResponse>;
  
  GetStatus: grpc.handleUnaryCall<_signet_v1_AgentAdminServiceGetStatusRequest__Output, _signet_v1_AgentAdminServiceGetStatusResponse>;
  
}

export interface AgentAdminServiceDefinition extends grpc.ServiceDefinition {
  Explain: MethodDefinition<_signet_v1_AgentAdminServiceExplainRequest, _signet_v1_AgentAdminServiceExplainResponse, _signet_v1_AgentAdminServiceExplainRequest__Output, _signet_v1_AgentAdminServiceExplainResponse__Output>
  GetStatus: MethodDefinition<_signet_v1_AgentAdminServiceGetStatusRequest, _signet_v1_AgentAdminServiceGetStatusResponse, _signet_v1_AgentAdminServiceGetStatusRequest__Output, _signet_v1_AgentAdminServiceGetStatusResponse__Output>
}
