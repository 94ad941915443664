import type { Attributes } from '../../policy/attributes.ts'

/** What the authority knows of a bot instance. */
export interface InstanceFacts {
  readonly id: string
  readonly bot: string
  readonly joinToken: string
  readonly joinMethod: string
  /** The attributes that the join method proved. */
  readonly joinAttributes: Attributes
}

/**
 * The attributes that an agent cannot choose: `join.*` and `bot.*`. Agent and authority decide with
 * the same ones.
 */
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
