/** The scalar types that proto/ uses. Another one in the schema fails at its first use. */
const SCALARS = ['bool', 'bytes', 'double', 'int32', 'int64', 'string', 'uint32', 'uint64'] as const
export type Scalar = (typeof SCALARS)[number]

export interface EnumType {
  readonly names: ReadonlyMap<number, string>
  readonly numbers: ReadonlyMap<string, number>
}

/** The type of one value of a field. */
export type ValueType =
  | { readonly scalar: Scalar }
  | { readonly enumeration: EnumType }
  /** A function, because messages may contain each other. */
  | { readonly message: () => MessageType }

export interface Field {
  readonly name: string
  readonly id: number
  readonly value: ValueType
  readonly isRepeated: boolean
  /** Whether the field is a map. All maps in proto/ have string keys. */
  readonly isMap: boolean
  /** The oneof that the field is a member of. */
  readonly oneof: string | undefined
}

export interface MessageType {
  readonly fields: readonly Field[]
  readonly byId: ReadonlyMap<number, Field>
}

export interface MethodType {
  readonly path: string
  readonly requestStream: boolean
  readonly responseStream: boolean
  readonly request: () => MessageType
  readonly response: () => MessageType
}

interface FieldJson {
  readonly type: string
  readonly id: number
  readonly rule?: 'repeated'
  readonly keyType?: string
}

interface MethodJson {
  readonly requestType: string
  readonly responseType: string
  readonly requestStream?: boolean
  readonly responseStream?: boolean
}

interface NodeJson {
  readonly nested?: Readonly<Record<string, NodeJson>>
  readonly fields?: Readonly<Record<string, FieldJson>>
  readonly oneofs?: Readonly<Record<string, { readonly oneof: readonly string[] }>>
  readonly methods?: Readonly<Record<string, MethodJson>>
  readonly values?: Readonly<Record<string, number>>
}

/**
 * The messages and services of proto/, from the schema in `gen/`. A message type is built at its
 * first use.
 */
export class MessageTypes {
  readonly #nodes = new Map<string, NodeJson>()
  readonly #types = new Map<string, MessageType>()

  /** @param schema a JSON descriptor of protobufjs */
  constructor(schema: string) {
    this.#register('', JSON.parse(schema) as NodeJson)
  }

  /** Returns a message type by its full name. */
  message(name: string): MessageType {
    let type = this.#types.get(name)
    if (type === undefined) {
      type = this.#build(name)
      this.#types.set(name, type)
    }
    return type
  }

  /** Returns the methods of a service, by their names in the .proto file. */
  service(name: string): Readonly<Record<string, MethodType>> {
    const { methods } = this.#nodes.get(name) ?? {}
    if (methods === undefined) throw new TypeError(`there is no service ${name}`)
    return Object.fromEntries(
      Object.entries(methods).map(([method, json]) => [method, this.#method(name, method, json)]),
    )
  }

  #register(name: string, node: NodeJson): void {
    this.#nodes.set(name, node)
    for (const [inner, json] of Object.entries(node.nested ?? {})) {
      this.#register(name === '' ? inner : `${name}.${inner}`, json)
    }
  }

  #method(service: string, name: string, json: MethodJson): MethodType {
    return {
      path: `/${service}/${name}`,
      requestStream: json.requestStream === true,
      responseStream: json.responseStream === true,
      request: () => this.message(this.#resolve(json.requestType, service)),
      response: () => this.message(this.#resolve(json.responseType, service)),
    }
  }

  #build(name: string): MessageType {
    const { fields: json, oneofs = {} } = this.#nodes.get(name) ?? {}
    if (json === undefined && !this.#nodes.has(name)) throw new TypeError(`there is no message ${name}`)
    const oneofOf = new Map(
      Object.entries(oneofs).flatMap(([oneof, members]) => members.oneof.map((field) => [field, oneof])),
    )
    const fields = Object.entries(json ?? {}).map(([field, { type, id, rule, keyType }]): Field => {
      if (keyType !== undefined && keyType !== 'string')
        throw new TypeError(`${name}.${field}: keys are text`)
      return {
        name: field,
        id,
        value: this.#valueType(type, name),
        isRepeated: rule === 'repeated',
        isMap: keyType !== undefined,
        oneof: oneofOf.get(field),
      }
    })
    return { fields, byId: new Map(fields.map((field) => [field.id, field])) }
  }

  #valueType(type: string, within: string): ValueType {
    const scalar = SCALARS.find((known) => known === type)
    if (scalar !== undefined) return { scalar }
    const name = this.#resolve(type, within)
    const { values } = this.#nodes.get(name) ?? {}
    if (values === undefined) return { message: () => this.message(name) }
    const numbers = new Map(Object.entries(values))
    return { enumeration: { numbers, names: new Map([...numbers].map(([text, value]) => [value, text])) } }
  }

  /** Resolves a name in the innermost scope that has it. */
  #resolve(name: string, within: string): string {
    for (let scope = within; scope !== ''; scope = scope.slice(0, Math.max(0, scope.lastIndexOf('.')))) {
      if (this.#nodes.has(`${scope}.${name}`)) return `${scope}.${name}`
    }
    if (this.#nodes.has(name)) return name
    throw new TypeError(`${within} uses ${name}, which does not exist`)
  }
}
