// Original file: signet/v1/agent_admin.proto


export interface AgentAdminServiceExplainResponse {
  'explanationJson'?: (string);
}

export interface AgentAdminServiceExplainResponse__Output {
  'explanationJson': (string);
}
