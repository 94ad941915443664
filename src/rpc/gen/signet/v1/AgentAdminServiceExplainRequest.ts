// Original file: signet/v1/agent_admin.proto


export interface AgentAdminServiceExplainRequest {
  'pid'?: (number);
  'attributesJson'?: (string);
  'subject'?: "pid"|"attributesJson";
}

export interface AgentAdminServiceExplainRequest__Output {
  'pid'?: (number);
  'attributesJson'?: (string);
  'subject'?: "pid"|"attributesJson";
}
