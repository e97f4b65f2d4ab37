// Accessibility: what axe finds on a page (WCAG 2.2 A and AA, best practice).
import { AxeBuilder } from '@axe-core/playwright'
import assert from 'node:assert/strict'

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** Fail if axe finds anything on the page as it is now. */
export async function checkAccess(page) {
  const { violations } = await new AxeBuilder({ page }).withTags(TAGS).analyze()
  const told = violations.flatMap((each) =>
    each.nodes.map(
      (node) => `${each.impact} ${each.id}: ${node.target.join(' ')} ${node.failureSummary}`,
    ),
  )
  assert.deepEqual(told, [])
}
