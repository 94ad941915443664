import type { z } from 'zod'
import { readDocuments, type SourceDocument } from './document.ts'
import { InvalidConfigError } from './errors.ts'

/** Reads a configuration file, which must be a single YAML document. @throws InvalidConfigError */
export function readSingleDocument<T>(
  schema: z.ZodType<T>,
  text: string,
  fileName: string,
): { readonly document: SourceDocument; readonly data: T } {
  const { documents, problems } = readDocuments(text, fileName)
  if (problems.length > 0) throw new InvalidConfigError(problems)
  const [document, second] = documents
  if (document === undefined) throw new InvalidConfigError([`${fileName}:1: the file is empty`])
  if (second !== undefined) throw new InvalidConfigError([second.problem([], 'expected one document')])
  const { data, problems: mistakes } = document.check(schema)
  if (data === undefined || mistakes.length > 0) throw new InvalidConfigError(mistakes)
  return { document, data }
}
