import { z } from 'zod'
import { isTrustDomainName } from '../../spiffe/trust-domain.ts'
import { bundleDocument, bundleProblem } from '../bundle-document.ts'

/** The bundle of another trust domain. */
export const federationSpec = z
  .strictObject({
    trust_domain: z
      .string()
      .refine(isTrustDomainName, 'expected the name of a trust domain, such as partner.example')
      .describe('foreign trust domain, never our own'),
    bundle: bundleDocument.describe(
      'its SPIFFE bundle: the JSON as a mapping or as text, or `{ path: FILE }`',
    ),
  })
  .superRefine(({ trust_domain, bundle }, context) => {
    const message = bundleProblem(trust_domain, bundle)
    if (message !== undefined) context.addIssue({ code: 'custom', path: ['bundle'], message })
  })
