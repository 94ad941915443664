import { request } from 'node:http'
import { text as readText } from 'node:stream/consumers'

/** A client of Envoy's admin interface. */

interface ShownCertificate {
  readonly serial: string
  readonly uris: readonly string[]
}

/** A secret in Envoy's configuration dump. */
interface HeldSecret {
  readonly name: string
  readonly version: string
  /** False while Envoy waits for it. */
  readonly isThere: boolean
  // biome-ignore lint/suspicious/noExplicitAny: a document of another program
  readonly secret: any
}

interface CertificateDetails {
  readonly serial_number: string
  readonly subject_alt_names?: readonly { readonly uri?: string }[]
}

interface DumpedSecret {
  readonly name: string
  readonly version_info?: string
  readonly secret?: object
}

export class EnvoyAdmin {
  readonly #socket: string

  constructor(socket: string) {
    this.#socket = socket
  }

  async isReady(): Promise<boolean> {
    return (await this.#get('/ready')).status === 200
  }

  /** Returns the bound port of a listener. */
  async port(listener: string): Promise<number> {
    const { listener_statuses: all } = await this.#json<{
      listener_statuses: readonly {
        name: string
        local_address: { socket_address: { port_value: number } }
      }[]
    }>('/listeners?format=json')
    const port = all.find(({ name }) => name === listener)?.local_address.socket_address.port_value
    if (port === undefined) throw new Error(`there is no listener ${listener}`)
    return port
  }

  /** Returns the matching counters and gauges by name. */
  async counters(filter: string): Promise<Readonly<Record<string, number>>> {
    const { stats } = await this.#json<{ stats: readonly { name?: string; value?: number }[] }>(
      `/stats?format=json&filter=${encodeURIComponent(filter)}`,
    )
    return Object.fromEntries(
      stats.flatMap(({ name, value }) => (name === undefined ? [] : [[name, value ?? 0]])),
    )
  }

  /** Returns the sum of all matching counters and gauges. */
  async count(filter: string): Promise<number> {
    return Object.values(await this.counters(filter)).reduce((sum, value) => sum + value, 0)
  }

  /**
   * Returns the certificates that Envoy presents and the serials of those that it trusts, without
   * duplicates.
   */
  async certificates(): Promise<{ shown: readonly ShownCertificate[]; trusted: readonly string[] }> {
    const { certificates = [] } = await this.#json<{
      certificates?: readonly {
        cert_chain?: readonly CertificateDetails[]
        ca_cert?: readonly CertificateDetails[]
      }[]
    }>('/certs')
    const shown = certificates.flatMap(({ cert_chain = [] }) =>
      cert_chain.map(({ serial_number: serial, subject_alt_names: names = [] }) => ({
        serial: serial.toLowerCase(),
        uris: names.flatMap(({ uri }) => (uri === undefined ? [] : [uri])),
      })),
    )
    const trusted = certificates.flatMap(({ ca_cert = [] }) =>
      ca_cert.map((ca) => ca.serial_number.toLowerCase()),
    )
    const distinct = new Map(shown.map((one) => [one.serial, one]))
    return { shown: [...distinct.values()], trusted: [...new Set(trusted)] }
  }

  async secrets(): Promise<readonly HeldSecret[]> {
    const { configs } = await this.#json<{ configs: readonly Record<string, unknown>[] }>('/config_dump')
    const dump = configs.find((one) => String(one['@type']).endsWith('SecretsConfigDump')) ?? {}
    const listed = (key: string, isThere: boolean): HeldSecret[] =>
      ((dump[key] ?? []) as DumpedSecret[]).map(({ name, version_info = '', secret }) => ({
        name,
        version: version_info,
        isThere,
        secret,
      }))
    return [...listed('dynamic_active_secrets', true), ...listed('dynamic_warming_secrets', false)]
  }

  async #json<T>(path: string): Promise<T> {
    const { status, text } = await this.#get(path)
    if (status !== 200) throw new Error(`${path} answers ${status}: ${text}`)
    return JSON.parse(text) as T
  }

  #get(path: string): Promise<{ status: number; text: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>()
    const asked = request({ socketPath: this.#socket, path, agent: false, timeout: 5000 }, (response) => {
      const status = response.statusCode ?? 0
      readText(response).then((text) => resolve({ status, text }), reject)
    })
    asked.on('timeout', () => asked.destroy(new Error(`${path} is not answered`)))
    asked.on('error', reject).end()
    return promise
  }
}
