// Measures how fast pages answer: npm run bench (bench/page.py prints the table).
//
// Prints JSON: milliseconds until the largest contentful paint of the dashboard, cold
// (nothing cached) and warm (files of the page cached), each of several visits; and how
// long a list of many templates takes to be there, and to follow each key of a search.
import { inProject, openPage } from './lib/page.mjs'
import { addTemplate, api, ended, start, template } from './lib/runs.mjs'
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

const TEMPLATES = 1_000
/** Templates that are made at a time. */
const TOGETHER = 20
/** Milliseconds between two keys. */
const PAUSE = 300

async function addTemplates() {
  const { id: _, name: __, ...like } = await template('Quick')
  const names = Array.from({ length: TEMPLATES }, (_, i) => `Host ${i} of the data center`)
  while (names.length > 0) {
    const next = names.splice(0, TOGETHER)
    await Promise.all(next.map((name) => api('POST', '/templates', { ...like, name })))
  }
}

/** To be run in the page: notes when the list has followed each key, as it is painted. */
function watchTyping() {
  const times = (window.followed = [])
  let pressed
  addEventListener('keydown', (event) => (pressed = event.timeStamp), { capture: true })
  new MutationObserver(() =>
    requestAnimationFrame(() =>
      setTimeout(() => {
        if (pressed !== undefined) times.push(performance.now() - pressed)
        pressed = undefined
      }),
    ),
  ).observe(document.querySelector('tbody'), { childList: true, subtree: true })
}

/** Look for a template: milliseconds until the list is there, and after each key. */
async function search() {
  const { page, close } = await openPage()
  const begun = performance.now()
  await page.goto(inProject('/templates'))
  await page.getByText('Host 0 of').waitFor()
  const listed = performance.now() - begun
  await page.getByLabel('Filter templates').click()
  await page.evaluate(watchTyping)
  await page.keyboard.type('host 99', { delay: PAUSE })
  await page.getByText('Host 990 of').waitFor()
  for (let i = 0; i < 5; i++) {
    await page.keyboard.press('Backspace')
    await page.waitForTimeout(PAUSE)
  }
  const followed = await page.evaluate(() => window.followed)
  await close()
  return { listed, followed }
}

try {
  await begin()
  await addTemplate('Quick', '#!/bin/bash\necho done\n')
  for (let i = 0; i < 20; i++) await ended(await start('Quick'))
  const cold = []
  const warm = []
  for (let i = 0; i < VISITS; i++) {
    const { page, close } = await openPage({ fresh: true })
    cold.push(await visit(page))
    warm.push(await visit(page))
    await close()
  }
  await addTemplates()
  console.log(JSON.stringify({ cold, warm, search: await search() }))
} finally {
  await end()
}
