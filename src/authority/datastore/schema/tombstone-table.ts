import type { Topic } from '../ports.ts'

/** What is left of something that was deleted, so that those who follow the changes hear of it. */
export interface TombstonesTable {
  topic: Topic
  /** Of a resource; otherwise empty. */
  kind: string
  name: string
  /** That of the deletion. */
  revision: number
}
