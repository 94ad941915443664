/** Converts JSON to google.protobuf.Struct, in the form that the message encoder takes. */
export function toStruct(json: Readonly<Record<string, unknown>>): { fields: Record<string, object> } {
  const fields: Record<string, object> = {}
  for (const [name, value] of Object.entries(json)) {
    // Assigning to `__proto__` would set the prototype instead of a field; no legitimate claim has
    // this name.
    if (name !== '__proto__') fields[name] = toValue(value)
  }
  return { fields }
}

function toValue(json: unknown): object {
  if (typeof json === 'string') return { stringValue: json }
  if (typeof json === 'number') return { numberValue: json }
  if (typeof json === 'boolean') return { boolValue: json }
  if (Array.isArray(json)) return { listValue: { values: json.map(toValue) } }
  if (typeof json === 'object' && json !== null) {
    return { structValue: toStruct(json as Record<string, unknown>) }
  }
  return { nullValue: 0 }
}
