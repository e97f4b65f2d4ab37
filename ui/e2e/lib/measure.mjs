// What a page is asked while it is measured. Times are milliseconds.

/** To be run before the page's own scripts: records what takes long, and waits of inputs. */
function record() {
  const times = (window.times = { tasks: [], scripts: [], inputs: [], frames: [], first: 0 })
  new PerformanceObserver((list) => {
    for (const each of list.getEntries()) times.tasks.push([each.startTime, each.duration])
  }).observe({ type: 'longtask', buffered: true })
  new PerformanceObserver((list) => {
    for (const frame of list.getEntries()) {
      for (const each of frame.scripts) {
        times.scripts.push([each.startTime, each.duration, each.invoker, each.sourceFunctionName])
      }
    }
  }).observe({ type: 'long-animation-frame', buffered: true })
  addEventListener('keydown', (event) => times.inputs.push(performance.now() - event.timeStamp), {
    capture: true,
  })
  // once the first line of a log has its text, and was painted
  const painted = () => {
    const row = document.querySelector('.drawn [data-line] .tt')
    if (!row?.textContent) return requestAnimationFrame(painted)
    const channel = new MessageChannel()
    channel.port1.onmessage = () => (times.first = performance.now())
    channel.port2.postMessage(0)
  }
  requestAnimationFrame(painted)
}

export const recordTimes = (page) => page.addInitScript(record)

/** Forget what was recorded; what follows is measured. */
export const begin = (page) =>
  page.evaluate(() => Object.assign(window.times, { tasks: [], scripts: [], inputs: [] }))

/** Return what was recorded: the longest task, the longest script with its name, and inputs. */
export async function recorded(page) {
  await page.waitForTimeout(300) // observers are told late
  return page.evaluate(() => {
    const { tasks, scripts, inputs } = window.times
    const longest = [...scripts].sort((a, b) => b[1] - a[1])[0]
    return {
      task: Math.max(0, ...tasks.map((each) => each[1])),
      tasks: tasks.length,
      script: longest?.[1] ?? 0,
      name: longest ? `${longest[2]} ${longest[3]}`.trim() : '',
      inputs,
    }
  })
}

/** Measure the frames of the page until the returned function is called, which gives them. */
export async function frames(page) {
  await page.evaluate(() => {
    const { frames } = Object.assign(window.times, { frames: [] })
    let before = performance.now()
    const next = (now) => {
      if (window.times.frames !== frames) return
      frames.push(now - before)
      before = now
      requestAnimationFrame(next)
    }
    requestAnimationFrame(next)
  })
  return () =>
    page.evaluate(() => {
      const { frames } = window.times
      window.times.frames = []
      return frames.slice(1)
    })
}

/** Return the bytes of a page's scripts after a collection. */
export async function memory(page) {
  const client = await page.context().newCDPSession(page)
  await client.send('Performance.enable')
  await client.send('HeapProfiler.collectGarbage')
  const { metrics } = await client.send('Performance.getMetrics')
  const heap = metrics.find((each) => each.name === 'JSHeapUsedSize').value
  await client.detach()
  return heap
}

/** Press a key that means nothing, every *pause* milliseconds, until the returned function. */
export function keepPressing(page, pause = 100) {
  let goes = true
  const done = (async () => {
    while (goes) {
      await page.keyboard.press('Shift')
      await page.waitForTimeout(pause)
    }
  })()
  return () => {
    goes = false
    return done
  }
}
