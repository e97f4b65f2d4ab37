import { expect, test, vi } from 'vitest'
import { ApiError } from '@/api/errors'
import { LogFeed, type Page } from '@/log/feed'
import { Listing } from '@/log/listing'
import type { Section } from '@/log/outline'

interface Server {
  lines: string[]
  asked: [number, number][]
}

function feedOf(server: Server): LogFeed {
  return new LogFeed(async (above, limit): Promise<Page> => {
    server.asked.push([above, limit])
    const part = server.lines.slice(above, above + limit)
    const lines = part.map((output, i) => ({ id: above + i + 1, output, time: 0 }))
    return { lines, total: server.lines.length, size: part.join('').length }
  })
}

const server = (count: number): Server => ({
  lines: Array.from({ length: count }, (_, i) => `line ${i + 1}`),
  asked: [],
})
const settled = async (feed: LogFeed) => {
  for (let i = 0; i < 500; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    if (feed.complete.value && feed.outline.length === feed.store.length) return
  }
  throw new Error(`${feed.outline.length} of ${feed.store.length}`)
}
const shown = (feed: LogFeed) =>
  Array.from({ length: feed.store.length }, (_, i) => feed.store.text(i + 1))

test('a stored log is read in pages', async () => {
  const stored = server(20_000)
  const feed = feedOf(stored)
  feed.catchUp()
  await settled(feed)
  expect(shown(feed)).toEqual(stored.lines)
  expect(stored.asked.length).toBeLessThan(20)
})

test('what is looked at comes first', async () => {
  const stored = server(20_000)
  const feed = feedOf(stored)
  feed.want(15_000, 15_050)
  feed.catchUp()
  await settled(feed)
  expect(stored.asked[0]![0]).toBe(14_999)
})

test('breaks leave neither gaps nor doubles', async () => {
  const stored = server(0)
  const feed = feedOf(stored)
  feed.catchUp()
  let seed = 7
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647
  let connected = true
  for (let id = 1; id <= 5_000; id++) {
    const output = `line ${id}`
    stored.lines.push(output)
    if (random() < 0.01) {
      connected = !connected
      if (connected) feed.catchUp()
    }
    if (connected) feed.receive({ id, output, time: 0 })
    if (random() < 0.01) feed.receive({ id, output, time: 0 })
    if (id % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  feed.catchUp()
  await settled(feed)
  expect(shown(feed)).toEqual(stored.lines)
})

test('a line in parts, with one part missing', async () => {
  const stored = server(1)
  const feed = feedOf(stored)
  feed.catchUp()
  await settled(feed)
  feed.receive({ id: 2, output: 'abc', time: 0, partial: true })
  await new Promise((resolve) => setTimeout(resolve, 60))
  expect(feed.store.text(2)).toBe('abc')
  feed.receive({ id: 2, output: 'def', time: 0, offset: 3, partial: true })
  await new Promise((resolve) => setTimeout(resolve, 60))
  expect(feed.store.text(2)).toBe('abcdef')
  stored.lines.push('abcdefghijkl')
  feed.receive({ id: 2, output: 'jkl', time: 0, offset: 9 })
  await settled(feed)
  expect(feed.store.text(2)).toBe('abcdefghijkl')
})

test('rows are added without making all anew', async () => {
  const stored = server(0)
  stored.lines = ['PLAY [a] ***', '', 'TASK [b] ***', 'ok: [x]']
  const feed = feedOf(stored)
  feed.catchUp()
  await settled(feed)
  const { store, outline } = feed
  const listing = new Listing(store)
  const view = { outline, sections: outline.sections, folded: () => false, host: 0 }
  listing.rebuild(view, { columns: [10, 10, 10] })
  const lines = (of: Listing) => Array.from({ length: of.length }, (_, row) => of.lineAt(row))
  expect(lines(listing)).toEqual([1, 3, 4])
  for (const output of ['', 'x'.repeat(25)]) stored.lines.push(output)
  feed.catchUp()
  await settled(feed)
  listing.append(outline.sections)
  for (const output of ['', 'TASK [c] ***', '']) stored.lines.push(output)
  feed.catchUp()
  await settled(feed)
  listing.append(outline.sections)
  const fresh = new Listing(store)
  fresh.rebuild(view, { columns: [10, 10, 10] })
  expect(lines(listing)).toEqual(lines(fresh))
  expect(listing.heights.total).toBe(fresh.heights.total)
  expect(listing.rowOf(6)).toBe(4)
})

test('rows of a growing log are those of a whole one, with folds and of one host', async () => {
  const all: string[] = []
  for (let play = 0; play < 3; play++) {
    all.push(`PLAY [${play}] ***`, '')
    for (let task = 0; task < 4; task++) {
      all.push(`TASK [${task}] ***`, 'ok: [x]', 'word '.repeat(20), 'changed: [y]', '')
    }
  }
  const lines = (of: Listing) => Array.from({ length: of.length }, (_, row) => of.lineAt(row))
  const folds = [() => false, (s: Section) => s.title === '1', (s: Section) => s.kind === 'play']
  for (const folded of folds) {
    for (const chosen of ['', 'y']) {
      const stored = server(0)
      const feed = feedOf(stored)
      const { store, outline } = feed
      stored.lines = all.slice(0, 8)
      feed.catchUp()
      await settled(feed)
      const host = outline.hostNumber(chosen)
      const view = () => ({ outline, sections: outline.sections, folded, host })
      const grown = new Listing(store)
      grown.rebuild(view(), { columns: [10, 10, 10] })
      for (let count = 9; count <= all.length; count += 1 + (count % 3)) {
        store.extend(count) // known, but not here yet
        grown.append(outline.sections)
        stored.lines = all.slice(0, count)
        feed.catchUp()
        await settled(feed)
        grown.append(outline.sections)
        const fresh = new Listing(store)
        fresh.rebuild(view(), { columns: [10, 10, 10] })
        expect(lines(grown)).toEqual(lines(fresh))
        expect(grown.heights.total).toBe(fresh.heights.total)
      }
    }
  }
})

test('what no answer came for is asked for again', async () => {
  vi.useFakeTimers()
  try {
    const answers = [new ApiError(0, ''), new ApiError(503, ''), undefined]
    const feed = new LogFeed(async () => {
      const failure = answers.shift()
      if (failure) throw failure
      return { lines: [{ id: 1, output: 'here', time: 0 }], total: 1, size: 4 }
    })
    feed.catchUp()
    await vi.advanceTimersByTimeAsync(30_000)
    expect(shown(feed)).toEqual(['here'])
    expect(feed.failure.value).toBeUndefined()
  } finally {
    vi.useRealTimers()
  }
})

test('lines that are not here yet have rows already', async () => {
  const stored = server(500)
  const feed = feedOf(stored)
  feed.catchUp()
  await settled(feed)
  feed.store.extend(300_000)
  const { outline } = feed
  const listing = new Listing(feed.store)
  const view = { outline, sections: outline.sections, folded: () => false, host: 0 }
  listing.rebuild(view, { columns: undefined })
  expect([listing.length, listing.rowOf(300_000), listing.lineAt(200_000)]).toEqual([
    300_000, 299_999, 200_001,
  ])
  expect(listing.heights.total).toBe(6_000_000)
})
