import { AuthorityRewriter } from '../../src/rpc/host-rewriting/authority-rewriter.ts'

/** Returns what the rewriter passes on when the bytes arrive in chunks that end at these positions. */
export function rewritten(
  bytes: Buffer,
  cuts: readonly number[] = [],
  rewriter = new AuthorityRewriter(),
): Buffer {
  const out: Buffer[] = []
  let from = 0
  for (const cut of [...cuts].sort((a, b) => a - b).concat(bytes.length)) {
    out.push(Buffer.from(rewriter.push(Buffer.from(bytes.subarray(from, cut)))))
    from = cut
  }
  return Buffer.concat([...out, rewriter.flush()])
}
