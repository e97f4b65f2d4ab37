// Pictures of a page in light, dark and at phone width: shots/NAME[-dark|-phone].png.
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { openPage } from './page.mjs'

const FOLDER = fileURLToPath(new URL('../shots', import.meta.url))

/** Open *url* in three looks, let *prepare* bring it into the wanted state, and save. */
export async function shoot(name, url, prepare = async () => {}, options = {}) {
  mkdirSync(FOLDER, { recursive: true })
  const faults = []
  for (const [suffix, look] of [
    ['', {}],
    ['-dark', { dark: true }],
    ['-phone', { phone: true }],
  ]) {
    const opened = await openPage({ ...options, ...look })
    try {
      await opened.page.goto(url)
      await prepare(opened.page)
      await settle(opened.page)
      await opened.page.screenshot({ path: `${FOLDER}/${name}${suffix}.png` })
      faults.push(
        ...opened.faults,
        ...(await clipped(opened.page)).map((f) => `${name}${suffix}: ${f}`),
      )
    } finally {
      await opened.close()
    }
  }
  return faults
}

/** Wait until fonts are there and nothing is loading. */
export async function settle(page) {
  await page.waitForFunction(() => !document.querySelector('.bones'))
  await page.evaluate(() => document.fonts.ready)
  await page.waitForTimeout(200)
}

/** Return texts that are cut off without an ellipsis or stand outside of the window. */
export function clipped(page) {
  return page.evaluate(() => {
    const found = []
    if (document.documentElement.scrollWidth > innerWidth) found.push('wider than the window')
    for (const element of document.querySelectorAll('#app *')) {
      if (element.closest('svg, .sr-only, [data-scrolls]')) continue
      const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())
      const box = element.getBoundingClientRect()
      const style = getComputedStyle(element)
      if (!own || !box.width || style.visibility === 'hidden' || style.clipPath !== 'none') continue
      const text = element.textContent.trim().slice(0, 50)
      if (box.right > innerWidth + 1) found.push(`off the right: ${text}`)
      if (/^(TEXTAREA|INPUT|PRE)$/.test(element.tagName)) continue
      const cut = style.textOverflow !== 'ellipsis' && style.overflowX !== 'visible'
      if (cut && element.scrollWidth > element.clientWidth + 1) found.push(`clipped: ${text}`)
    }
    return found.slice(0, 8)
  })
}
