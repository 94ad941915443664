// Original file: signet/v1/admin.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ApplyRequest as _signet_v1_ApplyRequest, ApplyRequest__Output as _signet_v1_ApplyRequest__Output } from '../../signet/v1/ApplyRequest.ts';
import type { ApplyResponse as _signet_v1_ApplyResponse, ApplyResponse__Output as _signet_v1_ApplyResponse__Output } from '../../signet/v1/ApplyResponse.ts';
import type { ArchiveAuditRequest as _signet_v1_ArchiveAuditRequest, ArchiveAuditRequest__Output as _signet_v1_ArchiveAuditRequest__Output } from '../../signet/v1/ArchiveAuditRequest.ts';
import type { ArchiveAuditResponse as _signet_v1_ArchiveAuditResponse, ArchiveAuditResponse__Output as _signet_v1_ArchiveAuditResponse__Output } from '../../signet/v1/ArchiveAuditResponse.ts';
import type { CreateJoinTokenRequest as _signet_v1_CreateJoinTokenRequest, CreateJoinTokenRequest__Output as _signet_v1_CreateJoinTokenRequest__Output } from '../../signet/v1/CreateJoinTokenRequest.ts';
import type { CreateJoinTokenResponse as _signet_v1_CreateJoinTokenResponse, CreateJoinTokenResponse__Output as _signet_v1_CreateJoinTokenResponse__Output } from '../../signet/v1/CreateJoinTokenResponse.ts';
import type { DeleteResourceRequest as _signet_v1_DeleteResourceRequest, DeleteResourceRequest__Output as _signet_v1_DeleteResourceRequest__Output } from '../../signet/v1/DeleteResourceRequest.ts';
import type { DeleteResourceResponse as _signet_v1_DeleteResourceResponse, DeleteResourceResponse__Output as _signet_v1_DeleteResourceResponse__Output } from '../../signet/v1/DeleteResourceResponse.ts';
import type { ExplainRequest as _signet_v1_ExplainRequest, ExplainRequest__Output as _signet_v1_ExplainRequest__Output } from '../../signet/v1/ExplainRequest.ts';
import type { ExplainResponse as _signet_v1_ExplainResponse, ExplainResponse__Output as _signet_v1_ExplainResponse__Output } from '../../signet/v1/ExplainResponse.ts';
import type { GetBundleRequest as _signet_v1_GetBundleRequest, GetBundleRequest__Output as _signet_v1_GetBundleRequest__Output } from '../../signet/v1/GetBundleRequest.ts';
import type { GetBundleResponse as _signet_v1_GetBundleResponse, GetBundleResponse__Output as _signet_v1_GetBundleResponse__Output } from '../../signet/v1/GetBundleResponse.ts';
import type { GetResourceRequest as _signet_v1_GetResourceRequest, GetResourceRequest__Output as _signet_v1_GetResourceRequest__Output } from '../../signet/v1/GetResourceRequest.ts';
import type { GetResourceResponse as _signet_v1_GetResourceResponse, GetResourceResponse__Output as _signet_v1_GetResourceResponse__Output } from '../../signet/v1/GetResourceResponse.ts';
import type { GetStatusRequest as _signet_v1_GetStatusRequest, GetStatusRequest__Output as _signet_v1_GetStatusRequest__Output } from '../../signet/v1/GetStatusRequest.ts';
import type { GetStatusResponse as _signet_v1_GetStatusResponse, GetStatusResponse__Output as _signet_v1_GetStatusResponse__Output } from '../../signet/v1/GetStatusResponse.ts';
import type { ListAuditEventsRequest as _signet_v1_ListAuditEventsRequest, ListAuditEventsRequest__Output as _signet_v1_ListAuditEventsRequest__Output } from '../../signet/v1/ListAuditEventsRequest.ts';
import type { ListAuditEventsResponse as _signet_v1_ListAuditEventsResponse, ListAuditEventsResponse__Output as _signet_v1_ListAuditEventsResponse__Output } from '../../signet/v1/ListAuditEventsResponse.ts';
import type { ListBotInstancesRequest as _signet_v1_ListBotInstancesRequest, ListBotInstancesRequest__Output as _signet_v1_ListBotInstancesRequest__Output } from '../../signet/v1/ListBotInstancesRequest.ts';
import type { ListBotInstancesResponse as _signet_v1_ListBotInstancesResponse, ListBotInstancesResponse__Output as _signet_v1_ListBotInstancesResponse__Output } from '../../signet/v1/ListBotInstancesResponse.ts';
import type { ListCasRequest as _signet_v1_ListCasRequest, ListCasRequest__Output as _signet_v1_ListCasRequest__Output } from '../../signet/v1/ListCasRequest.ts';
import type { ListCasResponse as _signet_v1_ListCasResponse, ListCasResponse__Output as _signet_v1_ListCasResponse__Output } from '../../signet/v1/ListCasResponse.ts';
import type { ListResourcesRequest as _signet_v1_ListResourcesRequest, ListResourcesRequest__Output as _signet_v1_ListResourcesRequest__Output } from '../../signet/v1/ListResourcesRequest.ts';
import type { ListResourcesResponse as _signet_v1_ListResourcesResponse, ListResourcesResponse__Output as _signet_v1_ListResourcesResponse__Output } from '../../signet/v1/ListResourcesResponse.ts';
import type { RekeyRequest as _signet_v1_RekeyRequest, RekeyRequest__Output as _signet_v1_RekeyRequest__Output } from '../../signet/v1/RekeyRequest.ts';
import type { RekeyResponse as _signet_v1_RekeyResponse, RekeyResponse__Output as _signet_v1_RekeyResponse__Output } from '../../signet/v1/RekeyResponse.ts';
import type { RotateCaRequest as _signet_v1_RotateCaRequest, RotateCaRequest__Output as _signet_v1_RotateCaRequest__Output } from '../../signet/v1/RotateCaRequest.ts';
import type { RotateCaResponse as _signet_v1_RotateCaResponse, RotateCaResponse__Output as _signet_v1_RotateCaResponse__Output } from '../../signet/v1/RotateCaResponse.ts';
import type { TraceSvidRequest as _signet_v1_TraceSvidRequest, TraceSvidRequest__Output as _signet_v1_TraceSvidRequest__Output } from '../../signet/v1/TraceSvidRequest.ts';
import type { TraceSvidResponse as _signet_v1_TraceSvidResponse, TraceSvidResponse__Output as _signet_v1_TraceSvidResponse__Output } from '../../signet/v1/TraceSvidResponse.ts';
import type { VerifyAuditRequest as _signet_v1_VerifyAuditRequest, VerifyAuditRequest__Output as _signet_v1_VerifyAuditRequest__Output } from '../../signet/v1/VerifyAuditRequest.ts';
import type { VerifyAuditResponse as _signet_v1_VerifyAuditResponse, VerifyAuditResponse__Output as _signet_v1_VerifyAuditResponse__Output } from '../../signet/v1/VerifyAuditResponse.ts';

export interface AdminServiceClient extends grpc.Client {
  Apply(argument: _signet_v1_ApplyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ApplyResponse__Output>): grpc.ClientUnaryCall;
  Apply(argument: _signet_v1_ApplyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_ApplyResponse__Output>): grpc.ClientUnaryCall;
  Apply(argument: _signet_v1_ApplyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ApplyResponse__Output>): grpc.ClientUnaryCall;
  Apply(argument: _signet_v1_ApplyRequest, callback: grpc.requestCallback<_signet_v1_ApplyResponse__Output>): grpc.ClientUnaryCall;
  apply(argument: _signet_v1_ApplyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ApplyResponse__Output>): grpc.ClientUnaryCall;
  apply(argument: _signet_v1_ApplyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_ApplyResponse__Output>): grpc.ClientUnaryCall;
  apply(argument: _signet_v1_ApplyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ApplyResponse__Output>): grpc.ClientUnaryCall;
  apply(argument: _signet_v1_ApplyRequest, callback: grpc.requestCallback<_signet_v1_ApplyResponse__Output>): grpc.ClientUnaryCall;
  
  ArchiveAudit(argument: _signet_v1_ArchiveAuditRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ArchiveAuditResponse__Output>): grpc.ClientUnaryCall;
  ArchiveAudit(argument: _signet_v1_ArchiveAuditRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_ArchiveAuditResponse__Output>): grpc.ClientUnaryCall;
  ArchiveAudit(argument: _signet_v1_ArchiveAuditRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ArchiveAuditResponse__Output>): grpc.ClientUnaryCall;
  ArchiveAudit(argument: _signet_v1_ArchiveAuditRequest, callback: grpc.requestCallback<_signet_v1_ArchiveAuditResponse__Output>): grpc.ClientUnaryCall;
  archiveAudit(argument: _signet_v1_ArchiveAuditRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ArchiveAuditResponse__Output>): grpc.ClientUnaryCall;
  archiveAudit(argument: _signet_v1_ArchiveAuditRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_ArchiveAuditResponse__Output>): grpc.ClientUnaryCall;
  archiveAudit(argument: _signet_v1_ArchiveAuditRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ArchiveAuditResponse__Output>): grpc.ClientUnaryCall;
  archiveAudit(argument: _signet_v1_ArchiveAuditRequest, callback: grpc.requestCallback<_signet_v1_ArchiveAuditResponse__Output>): grpc.ClientUnaryCall;
  
  CreateJoinToken(argument: _signet_v1_CreateJoinTokenRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_CreateJoinTokenResponse__Output>): grpc.ClientUnaryCall;
  CreateJoinToken(argument: _signet_v1_CreateJoinTokenRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_CreateJoinTokenResponse__Output>): grpc.ClientUnaryCall;
  CreateJoinToken(argument: _signet_v1_CreateJoinTokenRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_CreateJoinTokenResponse__Output>): grpc.ClientUnaryCall;
  CreateJoinToken(argument: _signet_v1_CreateJoinTokenRequest, callback: grpc.requestCallback<_signet_v1_CreateJoinTokenResponse__Output>): grpc.ClientUnaryCall;
  createJoinToken(argument: _signet_v1_CreateJoinTokenRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_CreateJoinTokenResponse__Output>): grpc.ClientUnaryCall;
  createJoinToken(argument: _signet_v1_CreateJoinTokenRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_CreateJoinTokenResponse__Output>): grpc.ClientUnaryCall;
  createJoinToken(argument: _signet_v1_CreateJoinTokenRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_CreateJoinTokenResponse__Output>): grpc.ClientUnaryCall;
  createJoinToken(argument: _signet_v1_CreateJoinTokenRequest, callback: grpc.requestCallback<_signet_v1_CreateJoinTokenResponse__Output>): grpc.ClientUnaryCall;
  
  DeleteResource(argument: _signet_v1_DeleteResourceRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_DeleteResourceResponse__Output>): grpc.ClientUnaryCall;
  DeleteResource(argument: _signet_v1_DeleteResourceRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_DeleteResourceResponse__Output>): grpc.ClientUnaryCall;
  DeleteResource(argument: _signet_v1_DeleteResourceRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_DeleteResourceResponse__Output>): grpc.ClientUnaryCall;
  DeleteResource(argument: _signet_v1_DeleteResourceRequest, callback: grpc.requestCallback<_signet_v1_DeleteResourceResponse__Output>): grpc.ClientUnaryCall;
  deleteResource(argument: _signet_v1_DeleteResourceRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_DeleteResourceResponse__Output>): grpc.ClientUnaryCall;
  deleteResource(argument: _signet_v1_DeleteResourceRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_DeleteResourceResponse__Output>): grpc.ClientUnaryCall;
  deleteResource(argument: _signet_v1_DeleteResourceRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_DeleteResourceResponse__Output>): grpc.ClientUnaryCall;
  deleteResource(argument: _signet_v1_DeleteResourceRequest, callback: grpc.requestCallback<_signet_v1_DeleteResourceResponse__Output>): grpc.ClientUnaryCall;
  
  Explain(argument: _signet_v1_ExplainRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ExplainResponse__Output>): grpc.ClientUnaryCall;
  Explain(argument: _signet_v1_ExplainRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_ExplainResponse__Output>): grpc.ClientUnaryCall;
  Explain(argument: _signet_v1_ExplainRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ExplainResponse__Output>): grpc.ClientUnaryCall;
  Explain(argument: _signet_v1_ExplainRequest, callback: grpc.requestCallback<_signet_v1_ExplainResponse__Output>): grpc.ClientUnaryCall;
  explain(argument: _signet_v1_ExplainRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ExplainResponse__Output>): grpc.ClientUnaryCall;
  explain(argument: _signet_v1_ExplainRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_ExplainResponse__Output>): grpc.ClientUnaryCall;
  explain(argument: _signet_v1_ExplainRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ExplainResponse__Output>): grpc.ClientUnaryCall;
  explain(argument: _signet_v1_ExplainRequest, callback: grpc.requestCallback<_signet_v1_ExplainResponse__Output>): grpc.ClientUnaryCall;
  
  GetBundle(argument: _signet_v1_GetBundleRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_GetBundleResponse__Output>): grpc.ClientUnaryCall;
  GetBundle(argument: _signet_v1_GetBundleRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_GetBundleResponse__Output>): grpc.ClientUnaryCall;
  GetBundle(argument: _signet_v1_GetBundleRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_GetBundleResponse__Output>): grpc.ClientUnaryCall;
  GetBundle(argument: _signet_v1_GetBundleRequest, callback: grpc.requestCallback<_signet_v1_GetBundleResponse__Output>): grpc.ClientUnaryCall;
  getBundle(argument: _signet_v1_GetBundleRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_GetBundleResponse__Output>): grpc.ClientUnaryCall;
  getBundle(argument: _signet_v1_GetBundleRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_GetBundleResponse__Output>): grpc.ClientUnaryCall;
  getBundle(argument: _signet_v1_GetBundleRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_GetBundleResponse__Output>): grpc.ClientUnaryCall;
  getBundle(argument: _signet_v1_GetBundleRequest, callback: grpc.requestCallback<_signet_v1_GetBundleResponse__Output>): grpc.ClientUnaryCall;
  
  GetResource(argument: _signet_v1_GetResourceRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_GetResourceResponse__Output>): grpc.ClientUnaryCall;
  GetResource(argument: _signet_v1_GetResourceRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_GetResourceResponse__Output>): grpc.ClientUnaryCall;
  GetResource(argument: _signet_v1_GetResourceRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_GetResourceResponse__Output>): grpc.ClientUnaryCall;
  GetResource(argument: _signet_v1_GetResourceRequest, callback: grpc.requestCallback<_signet_v1_GetResourceResponse__Output>): grpc.ClientUnaryCall;
  getResource(argument: _signet_v1_GetResourceRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_GetResourceResponse__Output>): grpc.ClientUnaryCall;
  getResource(argument: _signet_v1_GetResourceRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_GetResourceResponse__Output>): grpc.ClientUnaryCall;
  getResource(argument: _signet_v1_GetResourceRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_GetResourceResponse__Output>): grpc.ClientUnaryCall;
  getResource(argument: _signet_v1_GetResourceRequest, callback: grpc.requestCallback<_signet_v1_GetResourceResponse__Output>): grpc.ClientUnaryCall;
  
  GetStatus(argument: _signet_v1_GetStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _signet_v1_GetStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _signet_v1_GetStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _signet_v1_GetStatusRequest, callback: grpc.requestCallback<_signet_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _signet_v1_GetStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _signet_v1_GetStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _signet_v1_GetStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _signet_v1_GetStatusRequest, callback: grpc.requestCallback<_signet_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  
  ListAuditEvents(argument: _signet_v1_ListAuditEventsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_signet_v1_ListAuditEventsResponse__Output>;
  ListAuditEvents(argument: _signet_v1_ListAuditEventsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_signet_v1_ListAuditEventsResponse__Output>;
  listAuditEvents(argument: _signet_v1_ListAuditEventsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_signet_v1_ListAuditEventsResponse__Output>;
  listAuditEvents(argument: _signet_v1_ListAuditEventsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_signet_v1_ListAuditEventsResponse__Output>;
  
  ListBotInstances(argument: _signet_v1_ListBotInstancesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ListBotInstancesResponse__Output>): grpc.ClientUnaryCall;
  ListBotInstances(argument: _signet_v1_ListBotInstancesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_ListBotInstancesResponse__Output>): grpc.ClientUnaryCall;
  ListBotInstances(argument: _signet_v1_ListBotInstancesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ListBotInstancesResponse__Output>): grpc.ClientUnaryCall;
  ListBotInstances(argument: _signet_v1_ListBotInstancesRequest, callback: grpc.requestCallback<_signet_v1_ListBotInstancesResponse__Output>): grpc.ClientUnaryCall;
  listBotInstances(argument: _signet_v1_ListBotInstancesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ListBotInstancesResponse__Output>): grpc.ClientUnaryCall;
  listBotInstances(argument: _signet_v1_ListBotInstancesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_ListBotInstancesResponse__Output>): grpc.ClientUnaryCall;
  listBotInstances(argument: _signet_v1_ListBotInstancesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ListBotInstancesResponse__Output>): grpc.ClientUnaryCall;
  listBotInstances(argument: _signet_v1_ListBotInstancesRequest, callback: grpc.requestCallback<_signet_v1_ListBotInstancesResponse__Output>): grpc.ClientUnaryCall;
  
  ListCas(argument: _signet_v1_ListCasRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ListCasResponse__Output>): grpc.ClientUnaryCall;
  ListCas(argument: _signet_v1_ListCasRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_ListCasResponse__Output>): grpc.ClientUnaryCall;
  ListCas(argument: _signet_v1_ListCasRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ListCasResponse__Output>): grpc.ClientUnaryCall;
  ListCas(argument: _signet_v1_ListCasRequest, callback: grpc.requestCallback<_signet_v1_ListCasResponse__Output>): grpc.ClientUnaryCall;
  listCas(argument: _signet_v1_ListCasRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ListCasResponse__Output>): grpc.ClientUnaryCall;
  listCas(argument: _signet_v1_ListCasRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_ListCasResponse__Output>): grpc.ClientUnaryCall;
  listCas(argument: _signet_v1_ListCasRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ListCasResponse__Output>): grpc.ClientUnaryCall;
  listCas(argument: _signet_v1_ListCasRequest, callback: grpc.requestCallback<_signet_v1_ListCasResponse__Output>): grpc.ClientUnaryCall;
  
  ListResources(argument: _signet_v1_ListResourcesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ListResourcesResponse__Output>): grpc.ClientUnaryCall;
  ListResources(argument: _signet_v1_ListResourcesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_ListResourcesResponse__Output>): grpc.ClientUnaryCall;
  ListResources(argument: _signet_v1_ListResourcesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ListResourcesResponse__Output>): grpc.ClientUnaryCall;
  ListResources(argument: _signet_v1_ListResourcesRequest, callback: grpc.requestCallback<_signet_v1_ListResourcesResponse__Output>): grpc.ClientUnaryCall;
  listResources(argument: _signet_v1_ListResourcesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ListResourcesResponse__Output>): grpc.ClientUnaryCall;
  listResources(argument: _signet_v1_ListResourcesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_ListResourcesResponse__Output>): grpc.ClientUnaryCall;
  listResources(argument: _signet_v1_ListResourcesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_ListResourcesResponse__Output>): grpc.ClientUnaryCall;
  listResources(argument: _signet_v1_ListResourcesRequest, callback: grpc.requestCallback<_signet_v1_ListResourcesResponse__Output>): grpc.ClientUnaryCall;
  
  Rekey(argument: _signet_v1_RekeyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_RekeyResponse__Output>): grpc.ClientUnaryCall;
  Rekey(argument: _signet_v1_RekeyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_RekeyResponse__Output>): grpc.ClientUnaryCall;
  Rekey(argument: _signet_v1_RekeyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_RekeyResponse__Output>): grpc.ClientUnaryCall;
  Rekey(argument: _signet_v1_RekeyRequest, callback: grpc.requestCallback<_signet_v1_RekeyResponse__Output>): grpc.ClientUnaryCall;
  rekey(argument: _signet_v1_RekeyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_RekeyResponse__Output>): grpc.ClientUnaryCall;
  rekey(argument: _signet_v1_RekeyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_RekeyResponse__Output>): grpc.ClientUnaryCall;
  rekey(argument: _signet_v1_RekeyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_RekeyResponse__Output>): grpc.ClientUnaryCall;
  rekey(argument: _signet_v1_RekeyRequest, callback: grpc.requestCallback<_signet_v1_RekeyResponse__Output>): grpc.ClientUnaryCall;
  
  RotateCa(argument: _signet_v1_RotateCaRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_RotateCaResponse__Output>): grpc.ClientUnaryCall;
  RotateCa(argument: _signet_v1_RotateCaRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_RotateCaResponse__Output>): grpc.ClientUnaryCall;
  RotateCa(argument: _signet_v1_RotateCaRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_RotateCaResponse__Output>): grpc.ClientUnaryCall;
  RotateCa(argument: _signet_v1_RotateCaRequest, callback: grpc.requestCallback<_signet_v1_RotateCaResponse__Output>): grpc.ClientUnaryCall;
  rotateCa(argument: _signet_v1_RotateCaRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_RotateCaResponse__Output>): grpc.ClientUnaryCall;
  rotateCa(argument: _signet_v1_RotateCaRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_RotateCaResponse__Output>): grpc.ClientUnaryCall;
  rotateCa(argument: _signet_v1_RotateCaRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_RotateCaResponse__Output>): grpc.ClientUnaryCall;
  rotateCa(argument: _signet_v1_RotateCaRequest, callback: grpc.requestCallback<_signet_v1_RotateCaResponse__Output>): grpc.ClientUnaryCall;
  
  TraceSvid(argument: _signet_v1_TraceSvidRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_TraceSvidResponse__Output>): grpc.ClientUnaryCall;
  TraceSvid(argument: _signet_v1_TraceSvidRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_TraceSvidResponse__Output>): grpc.ClientUnaryCall;
  TraceSvid(argument: _signet_v1_TraceSvidRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_TraceSvidResponse__Output>): grpc.ClientUnaryCall;
  TraceSvid(argument: _signet_v1_TraceSvidRequest, callback: grpc.requestCallback<_signet_v1_TraceSvidResponse__Output>): grpc.ClientUnaryCall;
  traceSvid(argument: _signet_v1_TraceSvidRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_TraceSvidResponse__Output>): grpc.ClientUnaryCall;
  traceSvid(argument: _signet_v1_TraceSvidRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_TraceSvidResponse__Output>): grpc.ClientUnaryCall;
  traceSvid(argument: _signet_v1_TraceSvidRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_TraceSvidResponse__Output>): grpc.ClientUnaryCall;
  traceSvid(argument: _signet_v1_TraceSvidRequest, callback: grpc.requestCallback<_signet_v1_TraceSvidResponse__Output>): grpc.ClientUnaryCall;
  
  VerifyAudit(argument: _signet_v1_VerifyAuditRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_VerifyAuditResponse__Output>): grpc.ClientUnaryCall;
  VerifyAudit(argument: _signet_v1_VerifyAuditRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_VerifyAuditResponse__Output>): grpc.ClientUnaryCall;
  VerifyAudit(argument: _signet_v1_VerifyAuditRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_VerifyAuditResponse__Output>): grpc.ClientUnaryCall;
  VerifyAudit(argument: _signet_v1_VerifyAuditRequest, callback: grpc.requestCallback<_signet_v1_VerifyAuditResponse__Output>): grpc.ClientUnaryCall;
  verifyAudit(argument: _signet_v1_VerifyAuditRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_VerifyAuditResponse__Output>): grpc.ClientUnaryCall;
  verifyAudit(argument: _signet_v1_VerifyAuditRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_VerifyAuditResponse__Output>): grpc.ClientUnaryCall;
  verifyAudit(argument: _signet_v1_VerifyAuditRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_VerifyAuditResponse__Output>): grpc.ClientUnaryCall;
  verifyAudit(argument: _signet_v1_VerifyAuditRequest, callback: grpc.requestCallback<_signet_v1_VerifyAuditResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface AdminServiceHandlers extends grpc.UntypedServiceImplementation {
  Apply: grpc.handleUnaryCall<_signet_v1_ApplyRequest__Output, _signet_v1_ApplyResponse>;
  
  ArchiveAudit: grpc.handleUnaryCall<_signet_v1_ArchiveAuditRequest__Output, _signet_v1_ArchiveAuditResponse>;
  
  CreateJoinToken: grpc.handleUnaryCall<_signet_v1_CreateJoinTokenRequest__Output, _signet_v1_CreateJoinTokenResponse>;
  
  DeleteResource: grpc.handleUnaryCall<_signet_v1_DeleteResourceRequest__Output, _signet_v1_DeleteResourceResponse>;
  
  Explain: grpc.handleUnaryCall<_signet_v1_ExplainRequest__Output, _signet_v1_ExplainResponse>;
  
  GetBundle: grpc.handleUnaryCall<_signet_v1_GetBundleRequest__Output, _signet_v1_GetBundleResponse>;
  
  GetResource: grpc.handleUnaryCall<_signet_v1_GetResourceRequest__Output, _signet_v1_GetResourceResponse>;
  
  GetStatus: grpc.handleUnaryCall<_signet_v1_GetStatusRequest__Output, _signet_v1_GetStatusResponse>;
  
  ListAuditEvents: grpc.handleServerStreamingCall<_signet_v1_ListAuditEventsRequest__Output, _signet_v1_ListAuditEventsResponse>;
  
  ListBotInstances: grpc.handleUnaryCall<_signet_v1_ListBotInstancesRequest__Output, _signet_v1_ListBotInstancesResponse>;
  
  ListCas: grpc.handleUnaryCall<_signet_v1_ListCasRequest__Output, _signet_v1_ListCasResponse>;
  
  ListResources: grpc.handleUnaryCall<_signet_v1_ListResourcesRequest__Output, _signet_v1_ListResourcesResponse>;
  
  Rekey: grpc.handleUnaryCall<_signet_v1_RekeyRequest__Output, _signet_v1_RekeyResponse>;
  
  RotateCa: grpc.handleUnaryCall<_signet_v1_RotateCaRequest__Output, _signet_v1_RotateCaResponse>;
  
  TraceSvid: grpc.handleUnaryCall<_signet_v1_TraceSvidRequest__Output, _signet_v1_TraceSvidResponse>;
  
  VerifyAudit: grpc.handleUnaryCall<_signet_v1_VerifyAuditRequest__Output, _signet_v1_VerifyAuditResponse>;
  
}

export interface AdminServiceDefinition extends grpc.ServiceDefinition {
  Apply: MethodDefinition<_signet_v1_ApplyRequest, _signet_v1_ApplyResponse, _signet_v1_ApplyRequest__Output, _signet_v1_ApplyResponse__Output>
  ArchiveAudit: MethodDefinition<_signet_v1_ArchiveAuditRequest, _signet_v1_ArchiveAuditResponse, _signet_v1_ArchiveAuditRequest__Output, _signet_v1_ArchiveAuditResponse__Output>
  CreateJoinToken: MethodDefinition<_signet_v1_CreateJoinTokenRequest, _signet_v1_CreateJoinTokenResponse, _signet_v1_CreateJoinTokenRequest__Output, _signet_v1_CreateJoinTokenResponse__Output>
  DeleteResource: MethodDefinition<_signet_v1_DeleteResourceRequest, _signet_v1_DeleteResourceResponse, _signet_v1_DeleteResourceRequest__Output, _signet_v1_DeleteResourceResponse__Output>
  Explain: MethodDefinition<_signet_v1_ExplainRequest, _signet_v1_ExplainResponse, _signet_v1_ExplainRequest__Output, _signet_v1_ExplainResponse__Output>
  GetBundle: MethodDefinition<_signet_v1_GetBundleRequest, _signet_v1_GetBundleResponse, _signet_v1_GetBundleRequest__Output, _signet_v1_GetBundleResponse__Output>
  GetResource: MethodDefinition<_signet_v1_GetResourceRequest, _signet_v1_GetResourceResponse, _signet_v1_GetResourceRequest__Output, _signet_v1_GetResourceResponse__Output>
  GetStatus: MethodDefinition<_signet_v1_GetStatusRequest, _signet_v1_GetStatusResponse, _signet_v1_GetStatusRequest__Output, _signet_v1_GetStatusResponse__Output>
  ListAuditEvents: MethodDefinition<_signet_v1_ListAuditEventsRequest, _signet_v1_ListAuditEventsResponse, _signet_v1_ListAuditEventsRequest__Output, _signet_v1_ListAuditEventsResponse__Output>
  ListBotInstances: MethodDefinition<_signet_v1_ListBotInstancesRequest, _signet_v1_ListBotInstancesResponse, _signet_v1_ListBotInstancesRequest__Output, _signet_v1_ListBotInstancesResponse__Output>
  ListCas: MethodDefinition<_signet_v1_ListCasRequest, _signet_v1_ListCasResponse, _signet_v1_ListCasRequest__Output, _signet_v1_ListCasResponse__Output>
  ListResources: MethodDefinition<_signet_v1_ListResourcesRequest, _signet_v1_ListResourcesResponse, _signet_v1_ListResourcesRequest__Output, _signet_v1_ListResourcesResponse__Output>
  Rekey: MethodDefinition<_signet_v1_RekeyRequest, _signet_v1_RekeyResponse, _signet_v1_RekeyRequest__Output, _signet_v1_RekeyResponse__Output>
  RotateCa: MethodDefinition<_signet_v1_RotateCaRequest, _signet_v1_RotateCaResponse, _signet_v1_RotateCaRequest__Output, _signet_v1_RotateCaResponse__Output>
  TraceSvid: MethodDefinition<_signet_v1_TraceSvidRequest, _signet_v1_TraceSvidResponse, _signet_v1_TraceSvidRequest__Output, _signet_v1_TraceSvidResponse__Output>
  VerifyAudit: MethodDefinition<_signet_v1_VerifyAuditRequest, _signet_v1_VerifyAuditResponse, _signet_v1_VerifyAuditRequest__Output, _signet_v1_VerifyAuditResponse__Output>
}
