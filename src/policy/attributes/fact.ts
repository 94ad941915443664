/** The types that an attested fact may have. */
export type FactType = 'int' | 'string' | 'bool' | 'list<int>'

/** One attribute that an attestor finds of a process, and what policy may assume about it. */
export interface Fact {
  /** For the table of attributes in the documents, in Markdown. */
  readonly meaning: string
  readonly type: FactType
  /** Of numbers: what no process can have beyond. */
  readonly range?: readonly [least: number, most: number]
  /** Every process has it: absent means that it could not be read, and a deny that reads it must refuse. */
  readonly ofEveryProcess: boolean
  /**
   * `boundary`: the kernel keeps the processes of one user from changing it. `guard`: it guards against mistakes only,
   * because a process of another user can imitate it. Absent: it describes the process and protects nothing.
   */
  readonly protects?: 'boundary' | 'guard'
  /** How well it divides callers in an index: 1 divides best. Absent: it is used only when nothing better is there. */
  readonly indexRank?: number
  /** It is made only for callers about whom it decides something. */
  readonly isCostly?: true
}

/** What one attestor finds, below `workload.<name>`. The set is closed: another name in a rule is a mistake. */
export interface AttestorAttributes {
  readonly name: string
  readonly facts: Readonly<Record<string, Fact>>
}
