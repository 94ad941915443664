import { type DerElement, InvalidDerError, Tag } from './der-reader.ts'

const UTC_TIME = /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/
const GENERALIZED_TIME = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/

/**
 * Parses a UTCTime or GeneralizedTime, each in the only form that RFC 5280 §4.1.2.5 allows.
 * @returns seconds since 1970
 * @throws InvalidDerError
 */
export function parseTime({ tag, content }: DerElement): number {
  const text = content.toString('latin1')
  const pattern = tag === Tag.utcTime ? UTC_TIME : tag === Tag.generalizedTime ? GENERALIZED_TIME : undefined
  const parts = pattern?.exec(text)?.slice(1).map(Number)
  if (parts === undefined) throw new InvalidDerError('a time of an unknown form')
  const [written = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts
  const year = tag === Tag.utcTime ? written + (written < 50 ? 2000 : 1900) : written
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute, second)
  const isReal =
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second
  if (!isReal) throw new InvalidDerError('a time that does not exist')
  return date.getTime() / 1000
}
