import type { Topic } from '../ports.ts'

/** A deleted thing. Readers of the change feed learn from it that the thing is gone. */
export interface TombstonesTable {
  topic: Topic
  /** Of a resource; otherwise empty. */
  kind: string
  name: string
  /** Of the deletion. */
  revision: number
}
