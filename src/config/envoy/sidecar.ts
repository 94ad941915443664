import type { SpiffeId } from '../../spiffe/spiffe-id.ts'

/** Where an Envoy listens, or connects to. */
export type EnvoyAddress =
  | { readonly host: string; readonly port: number }
  /** A Unix socket. */
  | { readonly path: string }

/** One Envoy of a pair: it stands beside a program and speaks mutual TLS with the other one for it. */
export interface EnvoySidecar {
  /** The service it stands for, as its control plane and its logs call it. */
  readonly service: string
  /** Name of the secret with the certificate that it shows. */
  readonly certificate: string
  /** The agent's socket. */
  readonly agentSocket: string
  /** Asks for changes instead of the state of the world. */
  readonly delta: boolean
  /** Bytes are handed on as they are; else HTTP/1.1 and HTTP/2, request by request. */
  readonly tcp: boolean
  readonly admin?: EnvoyAddress
  readonly inbound?: EnvoyInbound
  readonly outbound?: EnvoyOutbound
}

/** From the network to the program. */
export interface EnvoyInbound {
  readonly listen: EnvoyAddress
  readonly app: EnvoyAddress
  /** Who may call. */
  readonly callers: readonly SpiffeId[]
}

/** From the program to the other service. */
export interface EnvoyOutbound {
  readonly listen: EnvoyAddress
  readonly upstream: SpiffeId
  readonly address: EnvoyAddress
}
