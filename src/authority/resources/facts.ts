import type { Attributes } from '../../policy/attributes.ts'

/** What the authority knows of a bot instance; the state side keeps it. */
export interface InstanceFacts {
  readonly id: string
  readonly bot: string
  readonly joinToken: string
  readonly joinMethod: string
  /** What that has proven. */
  readonly joinAttributes: Attributes
}

/** The attributes that an agent cannot choose: `join.*` and `bot.*`. The same for the agent's decision and for ours. */
export function factsOf(
  instance: InstanceFacts,
  traits: Readonly<Record<string, unknown>>,
): { readonly join: Attributes; readonly bot: Attributes } {
  const { joinMethod, joinToken, joinAttributes } = instance
  const proven = Object.keys(joinAttributes).length === 0 ? {} : { [joinMethod]: joinAttributes }
  return {
    join: { ...proven, method: joinMethod, token: joinToken },
    bot: { name: instance.bot, instance_id: instance.id, traits: traits as Attributes },
  }
}
