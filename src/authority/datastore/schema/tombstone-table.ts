import type { Topic } from '../ports.ts'

/** Marks a deleted thing, so that readers of the change feed learn that it is gone. */
export interface TombstonesTable {
  topic: Topic
  /** The kind of a resource; empty for other topics. */
  kind: string
  name: string
  /** The revision of the deletion. */
  revision: number
}
