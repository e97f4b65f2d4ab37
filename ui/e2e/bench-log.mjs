// Measures the log of a task: npm run bench-log PART SIZE
// (bench/page_log.py prints the table). Prints JSON; times are milliseconds.
import { readFileSync } from 'node:fs'
import { inProject, openPage } from './lib/page.mjs'
import {
  begin as restart,
  frames,
  keepPressing,
  memory,
  recorded,
  recordTimes,
} from './lib/measure.mjs'
import { addTemplate, api, ended, start } from './lib/runs.mjs'
import { begin, end, world } from './lib/world.mjs'

const VISITS = 3

/** A script that writes *lines* as a playbook does: with results of 99 hosts, in colors. */
const large = (lines) => String.raw`#!/bin/bash
awk 'BEGIN {
  print "PLAY [Update all servers] " "*****************************************************"
  for (i = 2; i <= ${lines}; i++) {
    if (i % 100 == 2) print "TASK [Install package number " i " and restart what needs it] *****"
    else printf "\033[0;%dm%s: [host-%02d.example.org] => (item=package-%d)\033[0m\n",
      i % 7 ? 32 : 33, i % 7 ? "ok" : "changed", i % 100, i
  }
}'
`

/** A script that writes *lines* within *seconds*, and then the time. */
const quick = (lines, seconds) => `#!/bin/bash
sleep 3
awk -v lines=${lines} -v steps=${seconds * 20} 'BEGIN {
  for (i = 1; i <= lines; i++) {
    printf "ok: [host-%02d.example.org] => (item=package-%d)\\n", i % 100, i
    if (i % (lines / steps) == 0) { fflush(); system("sleep 0.047") }
  }
}'
echo "written $(date +%s%3N)"
sleep 4
`

/** Bytes that only the largest process of a page uses. */
async function processMemory() {
  const client = await world.browser.newBrowserCDPSession()
  const { processInfo } = await client.send('SystemInfo.getProcessInfo')
  await client.detach()
  const sizes = processInfo
    .filter((each) => each.type === 'renderer')
    .map((each) => Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${each.id}/status`))[1]))
  return Math.max(...sizes) * 1024
}

/** Open a page with nothing in it, and let *visit* measure there. */
async function opened(visit) {
  const opened = await openPage({ fresh: true })
  await recordTimes(opened.page)
  try {
    return await visit(opened.page)
  } finally {
    await opened.close()
  }
}

/** Wait until all lines are read. */
const whole = (page) =>
  page.locator('.float[role=status]').waitFor({ state: 'detached', timeout: 100_000 })

/** Open the task; returns when its first line was there, and what took long while it loads. */
async function visit(page, task) {
  await page.goto(inProject(`/tasks/${task.id}`))
  await page.waitForFunction(() => window.times.first > 0)
  const readable = await page.evaluate(() => window.times.first)
  await page.waitForTimeout(300)
  await whole(page)
  const complete = await page.evaluate(() => performance.now())
  return { readable, complete, ...(await recorded(page)) }
}

/** Go down by the wheel, then to many places of the log as by its bar; returns the frames. */
async function scroll(page) {
  await restart(page)
  const stop = await frames(page)
  await page.locator('.log').hover()
  for (let i = 0; i < 150; i++) {
    await page.mouse.wheel(0, 300)
    await page.waitForTimeout(16)
  }
  const wheel = await stop()
  const again = await frames(page)
  await page.evaluate(async () => {
    const box = document.querySelector('.log')
    for (let i = 0; i < 150; i++) {
      box.scrollTop = (box.scrollHeight * ((i * 7) % 150)) / 150
      await new Promise((resolve) => requestAnimationFrame(resolve))
    }
  })
  return { wheel, jumps: await again(), ...(await recorded(page)) }
}

/** Search a word that many lines have; returns how long until the hits are counted. */
async function search(page) {
  await restart(page)
  await page.keyboard.press('f')
  const began = Date.now()
  await page.keyboard.type('package-1', { delay: 50 })
  await page.waitForFunction(() => /of \d/.test(document.querySelector('.lp')?.textContent ?? ''))
  return { found: Date.now() - began, ...(await recorded(page)) }
}

async function measureLarge(lines) {
  await addTemplate('Large', large(lines))
  const task = await start('Large')
  await ended(task)
  const cold = []
  const warm = []
  let rest
  for (let i = 0; i < VISITS; i++) {
    await opened(async (page) => {
      cold.push(await visit(page, task))
      warm.push(await visit(page, task))
      if (i < VISITS - 1) return
      const scrolled = await scroll(page)
      rest = { scrolled, heap: await memory(page), process: await processMemory() }
      rest.search = await search(page)
    })
  }
  return { cold, warm, ...rest }
}

async function measureLive(lines) {
  await addTemplate('Quick lines', quick(lines, 5))
  const runs = []
  for (let i = 0; i < VISITS; i++) {
    runs.push(
      await opened(async (page) => {
        const task = await start('Quick lines')
        await page.goto(inProject(`/tasks/${task.id}`))
        await page.locator('.log').waitFor()
        await page.waitForFunction(() => window.times.first > 0)
        await restart(page)
        const stop = keepPressing(page)
        const handle = await page.waitForFunction(
          () => {
            const told = /written (\d+)/.exec(document.querySelector('.drawn')?.textContent ?? '')
            return told && { written: Number(told[1]), shown: Date.now() }
          },
          null,
          { timeout: 100_000 },
        )
        const { written, shown } = await handle.jsonValue()
        await whole(page)
        const complete = Date.now()
        await stop()
        const measured = await recorded(page)
        await ended(task)
        const output = await api('GET', `/tasks/${task.id}/output?from=0&limit=1000`)
        const first = output.find((each) => each.output.startsWith('ok: '))
        return {
          took: written - Date.parse(first.time),
          shown: shown - written,
          complete: complete - written,
          ...measured,
        }
      }),
    )
  }
  return runs
}

const PARTS = {
  large: measureLarge,
  live: measureLive,
}

const [part, size] = process.argv.slice(2)
try {
  await begin()
  console.log(JSON.stringify(await PARTS[part](Number(size))))
} finally {
  await end()
}
