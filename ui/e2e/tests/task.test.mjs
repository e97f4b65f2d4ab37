import assert from 'node:assert/strict'
import { checkAccess } from '../lib/axe.mjs'
import { HOSTILE, inventory, line, PLAYBOOK, readAll, textOf } from '../lib/logs.mjs'
import { memory } from '../lib/measure.mjs'
import { inProject, pageTest } from '../lib/page.mjs'
import { addTemplate, api, ended, reaches, slow, start } from '../lib/runs.mjs'
import { world } from '../lib/world.mjs'

const once = (make) => {
  let made
  return () => (made ??= make())
}

/** A script whose output is hard to show. */
const hostile = once(async () => {
  await addTemplate('Hostile', HOSTILE)
  return ended(await start('Hostile'))
})

/** A playbook that fails on one host, and does not reach another. */
const failed = once(async () => {
  const [own] = await api('GET', '/inventory')
  const python = /ansible_python_interpreter=(\S+)/.exec(own.inventory)[1]
  const { id } = await api('POST', '/inventory', {
    ...own,
    id: 0,
    name: 'Rollout',
    inventory: inventory(python),
  })
  await addTemplate('Renew', PLAYBOOK, {
    app: 'ansible',
    inventory_id: id,
    task_params: { allow_override_limit: true },
  })
  return ended(await start('Renew'))
})

/** Begin what takes long beforehand. */
const begun = Promise.all([hostile(), failed()])
begun.catch(() => undefined)

async function open(page, task, query = '') {
  await page.goto(inProject(`/tasks/${task.id}${query}`))
  await page.locator('.drawn [data-line]').first().waitFor()
}
const lastLine = (task) => api('GET', `/tasks/${task.id}/output`).then((all) => all.at(-1).id)
const atEnd = (page, number) => line(page, number).waitFor({ state: 'visible', timeout: 60_000 })

pageTest('a running task is live, and followed until the user goes up', async (page) => {
  await addTemplate(
    'Talk',
    '#!/bin/bash\nfor i in $(seq 90); do echo "word $i"; sleep 0.1; done\nsleep 1\necho bye',
  )
  const task = await start('Talk')
  await page.setViewportSize({ width: 1000, height: 420 })
  await open(page, task)
  await page.getByText(/^Running for/).waitFor()
  await page
    .getByText(/^word \d\d$/)
    .last()
    .waitFor()
  await page.locator('.log').hover()
  await page.mouse.wheel(0, -200)
  await page.getByRole('button', { name: 'To the end, and follow' }).waitFor()
  const place = await page.evaluate(() => document.querySelector('.log').scrollTop)
  await page.getByText(/^Succeeded (after|in less)/).waitFor()
  assert.equal(await page.evaluate(() => document.querySelector('.log').scrollTop), place)
  await page.locator('.log').focus()
  await page.keyboard.press('End')
  await page.getByText('bye', { exact: true }).waitFor()
  await ended(task)
})

pageTest('hostile lines are text, and break nothing', async (page) => {
  const task = await hostile()
  await open(page, task)
  await atEnd(page, await lastLine(task))
  const shown = Object.values(await readAll(page))
  for (const text of [
    '<script>document.title="run"</script> <b>bold</b>',
    '<img src=x onerror="document.title=1"> & &lt;',
    'é Тест 漢字 😀 \ufffd',
    'link end',
    'right <U+202E> to left',
    '100 %',
    'unfinished ',
    'after the long line',
    'last line',
  ])
    assert.ok(shown.includes(text), text)
  assert.equal(await page.locator('.log img, .log script, .log a, .log b').count(), 0)
  assert.match(await page.title(), /^#\d+/)
  const longest = Math.max(...shown.map((each) => each.length))
  assert.ok(longest < 5_000, `${longest} characters are drawn of one line`)
  const raw = await page.request.get(
    `${world.url}/api/project/${world.project}/tasks/${task.id}/raw_output`,
  )
  assert.match(raw.headers()['content-type'], /^text\/plain/)
  assert.equal(raw.headers()['x-content-type-options'], 'nosniff')
})

for (const dark of [false, true]) {
  pageTest(`colors are legible, ${dark ? 'dark' : 'light'}`, { dark }, async (page) => {
    await open(page, await hostile(), '?line=14')
    await page.getByText('c31').waitFor()
    const colors = await page.evaluate(() => {
      const parse = (text) => text.match(/[\d.]+/g).map(Number)
      const luminance = (color) => {
        const [r, g, b] = parse(color).map((value) => {
          const part = value / 255
          return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
        })
        return 0.2126 * r + 0.7152 * g + 0.0722 * b
      }
      const behind = (element) => {
        for (let at = element; at; at = at.parentElement) {
          const color = getComputedStyle(at).backgroundColor
          if (parse(color)[3] !== 0) return color
        }
      }
      return [...document.querySelectorAll('.tt > span[class*="a-"]')].map((element) => {
        const [a, b] = [luminance(getComputedStyle(element).color), luminance(behind(element))]
        return [element.textContent, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]
      })
    })
    assert.ok(colors.length > 50, `${colors.length} colors`)
    assert.deepEqual(
      colors.filter(([, contrast]) => contrast < 4.5),
      [],
    )
    const styles = (text) => page.getByText(text, { exact: true }).getAttribute('class')
    assert.match(await styles('still open'), /a-magenta/)
  })
}

pageTest('a failed run opens at its first error, with the cause', async (page) => {
  const task = await failed()
  await open(page, task)
  const error = page.locator('.ln.first')
  await error.waitFor()
  assert.ok(await error.isVisible())
  await page.getByText(/^Failed (after|in less)/).waitFor()
  await page
    .locator('.cause')
    .getByText(/web3\.fra1 .*unreachable/)
    .waitFor()
  assert.match(
    await page.locator('.th1').textContent(),
    /web3\.fra1 unreachable, mail2\.fra1 failed/,
  )
  // what went well is folded, with its result
  const good = page.locator('.ln.task', { hasText: 'Optional' })
  assert.match(await good.locator('.rs').textContent(), /1 ignored/)
  assert.equal(await good.getByRole('button').getAttribute('aria-expanded'), 'false')
  await good.click()
  await page.getByText('...ignoring').waitFor()
  // errors one after another
  await page.getByRole('button', { name: 'Next error' }).click()
  await page.getByText('2 of 2').first().waitFor()
})

pageTest('the cause of a failed script is what its shell did not find', async (page) => {
  const lines = ['#!/bin/bash', 'echo Deploying', 'helmfile apply', 'echo "Failed, see above"']
  await addTemplate('Cause', [...lines, 'exit 1', ''].join('\n'))
  const task = await ended(await start('Cause'))
  await page.goto(inProject(`/tasks/${task.id}`))
  await page.locator('.cause').getByText('line 3: helmfile: command not found').waitFor()
  const first = page.locator('.ln.first')
  assert.match(await first.textContent(), /helmfile: command not found/)
  await page.getByText(/^Failed (in less than a second|after \d+s)/).waitFor()
})

pageTest('a task is one of the tasks, and leads to its template', async (page) => {
  const task = await ended(await start('Ping localhost'))
  await page.goto(inProject(`/tasks/${task.id}`))
  await page.getByRole('heading', { name: `#${task.id} Ping localhost` }).waitFor()
  const marked = page.locator('.rail [aria-current=page]')
  assert.equal((await marked.textContent()).trim(), 'Tasks')
  await page.getByRole('main').getByRole('link', { name: 'Ping localhost' }).click()
  await page.waitForURL(new RegExp(`/templates/${task.template_id}$`))
  await page.goBack()
  await page.locator('.crumbs').getByRole('link', { name: 'Tasks' }).click()
  await page.waitForURL(inProject('/tasks'))
})

pageTest('a task leads to its inventory', async (page) => {
  const task = await ended(await start('Ping localhost'))
  const { inventory_id: id } = await api('GET', `/templates/${task.template_id}`)
  const { name } = await api('GET', `/inventory/${id}`)
  await page.goto(inProject(`/tasks/${task.id}`))
  await page.getByRole('main').getByRole('link', { name, exact: true }).click()
  await page.waitForURL(inProject(`/inventory/${id}`))
})

pageTest('a host filters the log, and the address says it', async (page) => {
  await open(page, await failed())
  const host = page.getByRole('complementary', { name: 'Hosts' })
  const names = await host.locator('.hr:not(.hr0) .mono').allTextContents()
  assert.deepEqual(names.slice(0, 2), ['web3.fra1', 'mail2.fra1'])
  await page
    .getByRole('button', { name: 'Unfold all' })
    .or(page.getByRole('button', { name: 'Fold all' }))
    .click()
  await page.getByRole('button', { name: 'Unfold all' }).click()
  await host.getByRole('button', { name: /web1\.fra1/ }).click()
  await page.waitForURL(/host=web1\.fra1/)
  await page.getByText('changed: [web1.fra1]').first().waitFor()
  assert.equal(await page.locator('.drawn .line', { hasText: '[web2.fra1]' }).count(), 0)
  await host.getByRole('button', { name: /web1\.fra1/ }).click()
  await page.locator('.drawn .line', { hasText: '[web2.fra1]' }).first().waitFor()
})

pageTest('search counts, goes on, and opens folds', async (page) => {
  await open(page, await failed())
  await page.keyboard.press('f')
  await page.keyboard.type('read on web')
  await page.getByText('1 of 3').waitFor()
  await page.locator('.hit.on').waitFor()
  await page.keyboard.press('Enter')
  await page.getByText('2 of 3').waitFor()
  await page.waitForURL(/find=read/)
  await page.keyboard.press('Escape')
  await page.locator('.hit').first().waitFor({ state: 'detached' })
})

pageTest('a link leads to its line; numbers and times are not copied', async (page) => {
  const task = await failed()
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await open(page, task, '?line=3')
  await page.locator('.ln.chosen[data-line="3"]').waitFor()
  await page.keyboard.press('j')
  await page.locator('.ln.chosen[data-line="4"]').waitFor()
  await page.keyboard.press('c')
  const link = await page.evaluate(() => navigator.clipboard.readText())
  assert.equal(link, inProject(`/tasks/${task.id}?line=4`))
  const copied = await page.evaluate(() => {
    const row = document.querySelector('.drawn [data-line="3"]')
    getSelection().selectAllChildren(row)
    return getSelection().toString().trim()
  })
  assert.equal(copied, await textOf(page, 3))
})

pageTest('a failed run is repeated on the failed hosts', async (page) => {
  await open(page, await failed())
  await page.getByRole('button', { name: 'Run on 2 failed hosts' }).click()
  const dialog = page.getByRole('dialog', { name: 'Run Renew' })
  await dialog.getByRole('group', { name: 'Command' }).getByText('--limit').waitFor()
  assert.match(
    await dialog.getByRole('group', { name: 'Command' }).textContent(),
    /web3\.fra1,mail2\.fra1/,
  )
  await checkAccess(page)
  await dialog.getByRole('button', { name: 'Run on 2 hosts' }).click()
  await page.getByText(/^(Queued|Running) for/).waitFor()
  const task = { id: Number(/tasks\/(\d+)/.exec(page.url())[1]) }
  assert.equal((await api('GET', `/tasks/${task.id}`)).limit, 'web3.fra1,mail2.fra1')
  await api('POST', `/tasks/${task.id}/stop`, { force: true })
})

pageTest('the stop dialog tells the effect, also of a second stop', async (page) => {
  await addTemplate('Deaf', `#!/bin/bash\ntrap '' TERM\n${slow(60)}`)
  const task = await start('Deaf')
  await reaches(task, 'running')
  await open(page, task)
  await page.getByRole('button', { name: 'Stop', exact: true }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('What has been changed so far stays changed.').waitFor()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Stop', exact: true }).click()
  await dialog.getByRole('button', { name: 'Stop the run' }).click()
  await page.getByRole('button', { name: 'End it now' }).click()
  await dialog.getByText('without time to clean up').waitFor()
  await dialog.getByRole('button', { name: 'Kill its processes' }).click()
  await page.getByText(/^Stopped (after|in less)/).waitFor()
})

pageTest('breaks of the websocket leave neither gaps nor doubles', async (page) => {
  let sockets = 0
  await page.routeWebSocket(/\/api\/ws$/, (client) => {
    sockets += 1
    const server = client.connectToServer()
    const breaks = sockets <= 5
    client.onMessage((message) => {
      server.send(message)
      if (breaks) setTimeout(() => client.close().then(() => server.close()), 250)
    })
  })
  await addTemplate(
    'Broken connection',
    '#!/bin/bash\nfor i in $(seq 5000); do echo "line $i"; [ $((i % 50)) = 0 ] && sleep 0.05; done\n',
  )
  const task = await start('Broken connection')
  await open(page, task)
  const { status } = await ended(task)
  const stored = await api('GET', `/tasks/${task.id}/output`)
  assert.equal(
    status,
    'success',
    stored
      .map((each) => each.output)
      .join('\n')
      .slice(-2_000),
  )
  await page.getByText(/^Succeeded (after|in less)/).waitFor({ timeout: 60_000 })
  await atEnd(page, stored.at(-1).id)
  assert.ok(sockets >= 3, `${sockets} sockets`)
  const shown = await readAll(page)
  assert.deepEqual(
    // the first line of a step has the step's name in front of it
    Object.entries(shown).map(([id, text]) => [Number(id), text.replace(/^Checkout {2}/, '')]),
    stored.map((each) => [each.id, each.output]),
  )
})

pageTest('an end before the websocket connects is shown', async (page) => {
  await addTemplate('Late', slow(3))
  const task = await start('Late')
  await page.routeWebSocket(/\/api\/ws$/, async (client) => {
    await page.getByText(/^Running for/).waitFor()
    await ended(task)
    client.connectToServer()
  })
  await reaches(task, 'running')
  await open(page, task)
  await page.getByText(/^Succeeded (after|in less)/).waitFor()
})

pageTest('without a websocket, polling shows the log and a banner tells why', async (page) => {
  await page.routeWebSocket(/\/api\/ws$/, (client) => client.close())
  await addTemplate('Poll', slow(3, 'part'))
  const task = await start('Poll')
  await open(page, task)
  await page.locator('[data-state=polling]').waitFor()
  await page.getByText(/^Connection lost/).waitFor()
  await page.getByText(/^Succeeded (after|in less)/).waitFor({ timeout: 30_000 })
  await page.getByText('part 6 of 6', { exact: true }).waitFor()
})

// How soon is measured by bench/page_log.py, on an idle machine.
pageTest('50,000 lines in 5 s are complete soon after the end', async (page) => {
  await addTemplate(
    'Chatty',
    '#!/bin/bash\nfor i in $(seq 0 49); do seq -f "word %.0f of many" $((i*1000+1)) $((i*1000+1000)); sleep 0.1; done\n',
  )
  const task = await start('Chatty')
  await open(page, task)
  await page.getByText('word 50000 of many', { exact: true }).waitFor({ timeout: 60_000 })
})

pageTest('many lines in a short time, and a large log', async (page) => {
  await addTemplate('Flood', '#!/bin/bash\nseq -f "row %.0f of the large log" 300000\n')
  const task = await start('Flood')
  await open(page, task)
  await ended(task)
  const last = await lastLine(task)
  await atEnd(page, last)

  await page.goto('about:blank')
  await page.goto(inProject(`/tasks/${task.id}`))
  await page.getByText('row 1 of the large log', { exact: true }).waitFor()
  await page.locator('.float[role=status]').waitFor({ state: 'detached', timeout: 60_000 })
  await page.locator('.log').focus()
  await page.keyboard.press('End')
  await atEnd(page, last)
  const heap = await memory(page)
  assert.ok(heap < 300e6, `${Math.round(heap / 1e6)} MB`)
})

for (const look of [{}, { phone: true }]) {
  pageTest(`axe finds nothing on a task ${JSON.stringify(look)}`, look, async (page) => {
    await open(page, await failed())
    await page.locator('.ln.first').waitFor()
    await checkAccess(page)
  })
}
