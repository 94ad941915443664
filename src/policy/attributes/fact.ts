/** The types that an attested attribute may have. */
export type FactType = 'int' | 'string' | 'bool' | 'list<int>'

/** One attribute that an attestor determines of a process, and what policy may assume about it. */
export interface Fact {
  /** The description in the documentation's table of attributes, in Markdown. */
  readonly meaning: string
  readonly type: FactType
  /** For numbers: the least and the greatest value that a process can have. */
  readonly range?: readonly [least: number, most: number]
  /** For texts: why no process can have this value, or one that this glob matches. */
  readonly valueProblem?: (value: string) => string | undefined
  readonly globProblem?: (glob: string) => string | undefined
  /**
   * True if every process has it. If it is absent, it could not be read, and a deny rule that reads
   * it must refuse.
   */
  readonly ofEveryProcess: boolean
  /**
   * `boundary`: the kernel prevents a user's processes from changing it. `guard`: it protects
   * against mistakes only, because another user's process can imitate it. Absent: it protects
   * nothing.
   */
  readonly protects?: 'boundary' | 'guard'
  /**
   * How selective it is in the index; 1 is the most selective. Absent: used only if nothing better
   * is there.
   */
  readonly indexRank?: number
  /** Determined only for callers whose decision depends on it. */
  readonly isCostly?: true
}

/** The attributes of one attestor, below `workload.<name>`. Any other name in a rule is a mistake. */
export interface AttestorAttributes {
  readonly name: string
  readonly facts: Readonly<Record<string, Fact>>
}
