import { existsSync, lstatSync } from 'node:fs'
import path from 'node:path'
import {
  authorityRuntimeDirectory,
  runtimeDirectory,
  surroundings,
  temporaryRuntimeDirectory,
} from '../config/places.ts'
import type { RpcCalls } from '../rpc/calls.ts'
import { LocalClient } from '../rpc/plain/local-client.ts'
import { parseEndpointSocket } from '../spiffe/endpoint-socket.ts'
import type { Command } from './command.ts'
import { UsageError } from './errors.ts'

/**
 * How commands find the three sockets. A flag takes precedence over the environment, and that over
 * the default path.
 */

export interface AuthorityOptions {
  readonly adminSocket?: string
}

export interface AgentOptions {
  readonly agentAdminSocket?: string
}

export interface WorkloadOptions {
  readonly socket?: string
}

export function withAuthority(command: Command): Command {
  return command.flag(
    '--admin-socket <path>',
    "the authority's admin socket (default: $SIGNET_ADMIN_SOCKET, else the usual place)",
  )
}

export function withAgent(command: Command): Command {
  return command.flag(
    '--agent-admin-socket <path>',
    "the agent's admin socket (default: $SIGNET_AGENT_ADMIN_SOCKET, else beside the Workload API socket)",
  )
}

export function withWorkloadApi(command: Command): Command {
  return command.flag(
    '--socket <uri>',
    'the Workload API, such as unix:///run/signet/agent.sock (default: $SPIFFE_ENDPOINT_SOCKET, else the usual place)',
  )
}

export function connectAuthority(options: AuthorityOptions): RpcCalls {
  const given = options.adminSocket ?? fromEnvironment('SIGNET_ADMIN_SOCKET')
  if (given !== undefined) return new LocalClient({ unixPath: given })
  const unixPath = path.join(ours(authorityRuntimeDirectory(surroundings())), 'authority.sock')
  return new LocalClient({ unixPath, elsewhere: orName('--admin-socket', 'SIGNET_ADMIN_SOCKET') })
}

export function connectAgent(options: AgentOptions & WorkloadOptions): RpcCalls {
  const given = options.agentAdminSocket ?? fromEnvironment('SIGNET_AGENT_ADMIN_SOCKET')
  if (given !== undefined) return new LocalClient({ unixPath: given })
  const unixPath = path.join(path.dirname(workloadSocket(options)), 'agent-admin.sock')
  const elsewhere = orName('--agent-admin-socket', 'SIGNET_AGENT_ADMIN_SOCKET')
  return new LocalClient({ unixPath, elsewhere })
}

export function connectWorkloadApi(options: WorkloadOptions): RpcCalls {
  // Every Workload API refuses calls without this header (SPIFFE Workload Endpoint §3).
  return new LocalClient({
    unixPath: workloadSocket(options),
    metadata: { 'workload.spiffe.io': 'true' },
    ...(isWorkloadApiNamed(options) ? {} : { elsewhere: orName('--socket', 'SPIFFE_ENDPOINT_SOCKET') }),
  })
}

/** Returns the path of the Workload API socket. @throws UsageError */
export function workloadSocket(options: WorkloadOptions): string {
  const given = options.socket ?? fromEnvironment('SPIFFE_ENDPOINT_SOCKET')
  if (given === undefined) return defaultWorkloadSocket()
  const endpoint = parseEndpointSocket(given)
  if ('path' in endpoint) return endpoint.path
  throw new UsageError(`${given} is a TCP endpoint: signet's agent is reached by a Unix socket, unix:///…`)
}

function isWorkloadApiNamed(options: WorkloadOptions): boolean {
  return (options.socket ?? fromEnvironment('SPIFFE_ENDPOINT_SOCKET')) !== undefined
}

/** That of an agent of our own, else that of the agent of this machine, which serves every user. */
function defaultWorkloadSocket(): string {
  const here = surroundings()
  const own = path.join(runtimeDirectory(here), 'agent.sock')
  if (here.environment['SIGNET_HOME'] || existsSync(own))
    return path.join(ours(path.dirname(own)), 'agent.sock')
  const shared = path.join(runtimeDirectory({ root: true, environment: {} }), 'agent.sock')
  return existsSync(shared) ? shared : path.join(ours(path.dirname(own)), 'agent.sock')
}

function orName(flag: string, variable: string): string {
  return ` (${flag} or ${variable} names another socket)`
}

/** Checks that a default directory is ours. In the temporary directory another user may have created it. */
function ours(directory: string): string {
  if (directory !== temporaryRuntimeDirectory()) return directory
  const found = lstatSync(directory, { throwIfNoEntry: false })
  if (found === undefined || (found.isDirectory() && found.uid === process.geteuid?.())) return directory
  throw new UsageError(`${directory} is not a directory of yours: name the socket that you mean`)
}

function fromEnvironment(name: string): string | undefined {
  return process.env[name] || undefined
}
