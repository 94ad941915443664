/**
 * The settings that SIGHUP changes while a program runs; all others are read at the start only. The
 * programs apply exactly these, and the tables in docs/ mark them.
 */

export const AGENT_RELOADABLE = [
  'log.level',
  'workload_api.max_connections',
  'workload_api.max_connections_per_uid',
  'workload_api.max_streams_per_connection',
] as const

export const AUTHORITY_RELOADABLE = [
  'log.level',
  'limits.max_connections',
  'limits.max_connections_per_address',
  'limits.max_streams_per_connection',
  'limits.svids_per_second',
] as const
