import type { SpiffeId } from '../../spiffe/spiffe-id.ts'

/** An address that an Envoy listens on or connects to. */
export type EnvoyAddress =
  | { readonly host: string; readonly port: number }
  /** A Unix socket. */
  | { readonly path: string }

/** One Envoy of a pair. It runs beside a program and speaks mutual TLS with the other Envoy on its behalf. */
export interface EnvoySidecar {
  /** Name of the service in the control plane and in logs. */
  readonly service: string
  /** Name of the secret with the certificate that it presents. */
  readonly certificate: string
  /** The agent's socket. */
  readonly agentSocket: string
  /** Uses delta xDS instead of the state of the world. */
  readonly delta: boolean
  /** Forwards bytes unchanged; otherwise forwards single requests of HTTP/1.1 and HTTP/2. */
  readonly tcp: boolean
  readonly admin?: EnvoyAddress
  readonly inbound?: EnvoyInbound
  readonly outbound?: EnvoyOutbound
}

/** From the network to the program. */
export interface EnvoyInbound {
  readonly listen: EnvoyAddress
  readonly app: EnvoyAddress
  /** The SPIFFE IDs that may call. */
  readonly callers: readonly SpiffeId[]
}

/** From the program to the other service. */
export interface EnvoyOutbound {
  readonly listen: EnvoyAddress
  readonly upstream: SpiffeId
  readonly address: EnvoyAddress
}
