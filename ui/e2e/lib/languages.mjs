// The pages in other languages than English, and what is cut off or spills over on them.
import { api, ended, start } from './runs.mjs'
import { makeSchedule } from './schedules.mjs'
import { world } from './world.mjs'

export const LANGUAGES = ['de', 'es', 'fr', 'ru', 'zh']

/** Give the demo project something of each kind; returns the paths of the main pages. */
export async function populated() {
  const task = await ended(await start('Failing script'))
  await makeSchedule('nightly', '30 2 * * 1-5', { timezone: 'Asia/Tokyo' })
  await makeSchedule('poll', '*/5 * * * *')
  const templates = await api('GET', '/templates')
  const one = templates.find((each) => each.name === 'Ping localhost').id
  const nouns = ['templates', 'tasks', 'schedules', 'keys', 'vpn', 'settings']
  const objects = [`/templates/${one}`, `/tasks/${task.id}`, `/templates/${one}/edit`]
  return [
    ...['', ...nouns.map((each) => `/${each}`), ...objects].map(
      (path) => `/project/${world.project}${path}`,
    ),
    ...['/account', '/admin'],
  ]
}

/** Go to *path*, whose title is another one, without loading the page anew. */
export async function turnTo(page, path) {
  const title = () => page.evaluate(() => document.querySelector('h1')?.textContent)
  const before = await title()
  await page.evaluate((to) => {
    history.pushState(null, '', to)
    dispatchEvent(new PopStateEvent('popstate', { state: null }))
  }, path)
  await page.waitForFunction((old) => {
    const now = document.querySelector('h1')?.textContent
    return now && now !== old && now !== '…' && !document.querySelector('.bones')
  }, before)
}

/** Give *page* the size of another screen, and let it draw. */
export async function resize(page, size) {
  await page.setViewportSize(size)
  await page.evaluate(
    () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
  )
}

/** Return texts and buttons that are wider than the cell or the row that they stand in. */
export function spilled(page) {
  return page.evaluate(() => {
    const found = new Set()
    for (const cell of document.querySelectorAll(
      'td, th, .row2, .row2 > *, .tworow, .bar, .acts',
    )) {
      const box = cell.getBoundingClientRect()
      if (!box.width || cell.closest('.sr-only, .quiet, [data-scrolls]')) continue
      const visible = getComputedStyle(cell).overflowX === 'visible'
      if (/^T[DH]$/.test(cell.tagName) && visible && cell.scrollWidth > cell.clientWidth + 1)
        found.add(`spills: ${cell.textContent.trim().slice(0, 40)}`)
      for (const inner of cell.querySelectorAll('button, a, span, b')) {
        const own = inner.getBoundingClientRect()
        // what is cut with an ellipsis ends in the cell, and tabs can be scrolled
        if (inner.closest('.sr-only, .quiet, .trunc, .truncate, [role=tablist]')) continue
        if (!own.width || !inner.textContent.trim()) continue
        if (getComputedStyle(inner).opacity === '0') continue
        if (own.right > box.right + 1 || own.left < box.left - 1)
          found.add(`spills: ${inner.textContent.trim().slice(0, 40)}`)
      }
    }
    return [...found].slice(0, 8)
  })
}
