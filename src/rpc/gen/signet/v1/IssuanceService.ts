// Original file: signet/v1/issuance.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { IssueJwtSvidsRequest as _signet_v1_IssueJwtSvidsRequest, IssueJwtSvidsRequest__Output as _signet_v1_IssueJwtSvidsRequest__Output } from '../../signet/v1/IssueJwtSvidsRequest.ts';
import type { IssueJwtSvidsResponse as _signet_v1_IssueJwtSvidsResponse, IssueJwtSvidsResponse__Output as _signet_v1_IssueJwtSvidsResponse__Output } from '../../signet/v1/IssueJwtSvidsResponse.ts';
import type { IssueX509SvidsRequest as _signet_v1_IssueX509SvidsRequest, IssueX509SvidsRequest__Output as _signet_v1_IssueX509SvidsRequest__Output } from '../../signet/v1/IssueX509SvidsRequest.ts';
import type { IssueX509SvidsResponse as _signet_v1_IssueX509SvidsResponse, IssueX509SvidsResponse__Output as _signet_v1_IssueX509SvidsResponse__Output } from '../../signet/v1/IssueX509SvidsResponse.ts';

export interface IssuanceServiceClient extends grpc.Client {
  IssueJwtSvids(argument: _signet_v1_IssueJwtSvidsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_IssueJwtSvidsResponse__Output>): grpc.ClientUnaryCall;
  IssueJwtSvids(argument: _signet_v1_IssueJwtSvidsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_IssueJwtSvidsResponse__Output>): grpc.ClientUnaryCall;
  IssueJwtSvids(argument: _signet_v1_IssueJwtSvidsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_IssueJwtSvidsResponse__Output>): grpc.ClientUnaryCall;
  IssueJwtSvids(argument: _signet_v1_IssueJwtSvidsRequest, callback: grpc.requestCallback<_signet_v1_IssueJwtSvidsResponse__Output>): grpc.ClientUnaryCall;
  issueJwtSvids(argument: _signet_v1_IssueJwtSvidsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_IssueJwtSvidsResponse__Output>): grpc.ClientUnaryCall;
  issueJwtSvids(argument: _signet_v1_IssueJwtSvidsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_IssueJwtSvidsResponse__Output>): grpc.ClientUnaryCall;
  issueJwtSvids(argument: _signet_v1_IssueJwtSvidsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_IssueJwtSvidsResponse__Output>): grpc.ClientUnaryCall;
  issueJwtSvids(argument: _signet_v1_IssueJwtSvidsRequest, callback: grpc.requestCallback<_signet_v1_IssueJwtSvidsResponse__Output>): grpc.ClientUnaryCall;
  
  IssueX509Svids(argument: _signet_v1_IssueX509SvidsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_IssueX509SvidsResponse__Output>): grpc.ClientUnaryCall;
  IssueX509Svids(argument: _signet_v1_IssueX509SvidsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_IssueX509SvidsResponse__Output>): grpc.ClientUnaryCall;
  IssueX509Svids(argument: _signet_v1_IssueX509SvidsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_IssueX509SvidsResponse__Output>): grpc.ClientUnaryCall;
  IssueX509Svids(argument: _signet_v1_IssueX509SvidsRequest, callback: grpc.requestCallback<_signet_v1_IssueX509SvidsResponse__Output>): grpc.ClientUnaryCall;
  issueX509Svids(argument: _signet_v1_IssueX509SvidsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_IssueX509SvidsResponse__Output>): grpc.ClientUnaryCall;
  issueX509Svids(argument: _signet_v1_IssueX509SvidsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_IssueX509SvidsResponse__Output>): grpc.ClientUnaryCall;
  issueX509Svids(argument: _signet_v1_IssueX509SvidsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_IssueX509SvidsResponse__Output>): grpc.ClientUnaryCall;
  issueX509Svids(argument: _signet_v1_IssueX509SvidsRequest, callback: grpc.requestCallback<_signet_v1_IssueX509SvidsResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface IssuanceServiceHandlers extends grpc.UntypedServiceImplementation {
  IssueJwtSvids: grpc.handleUnaryCall<_signet_v1_IssueJwtSvidsRequest__Output, _signet_v1_IssueJwtSvidsResponse>;
  
  IssueX509Svids: grpc.handleUnaryCall<_signet_v1_IssueX509SvidsRequest__Output, _signet_v1_IssueX509SvidsResponse>;
  
}

export interface IssuanceServiceDefinition extends grpc.ServiceDefinition {
  IssueJwtSvids: MethodDefinition<_signet_v1_IssueJwtSvidsRequest, _signet_v1_IssueJwtSvidsResponse, _signet_v1_IssueJwtSvidsRequest__Output, _signet_v1_IssueJwtSvidsResponse__Output>
  IssueX509Svids: MethodDefinition<_signet_v1_IssueX509SvidsRequest, _signet_v1_IssueX509SvidsResponse, _signet_v1_IssueX509SvidsRequest__Output, _signet_v1_IssueX509SvidsResponse__Output>
}
