// Brings the lines of a task's log: pages of the API, and messages while it runs.
//
// A message says the number of its line, so a break of the connection leaves a gap, which
// is loaded like any part that is not here yet. The outline follows the lines in order.
import { shallowRef } from 'vue'
import { isPassing } from '@/api/errors'
import { plain } from './ansi'
import { Outline } from './outline'
import { LineStore, type Line } from './store'

export interface Page {
  lines: Line[]
  /** the number of all lines that the server has */
  total: number
  /** characters of the answer, to choose the size of the next page */
  size: number
}

export type Read = (above: number, limit: number, signal: AbortSignal) => Promise<Page>

export interface LiveLine extends Line {
  /** characters of this line that were in messages before */
  offset?: number
  partial?: boolean
}

const FIRST_PAGE = 500
const SMALLEST_PAGE = 16
const LARGEST_PAGE = 4_000
/** Characters of an answer that are parsed in a few milliseconds. */
const WANTED_SIZE = 400_000
/** Milliseconds of work before the browser gets its turn. */
const SLICE = 10
/** Milliseconds between two changes of {@link LogFeed.version}: each draws rows. */
const LOOK = 100
/** Milliseconds until a line that was not stored yet is asked for again. */
const AGAIN = 1_000
/** Milliseconds until lines are asked for again after a request that failed. */
const RETRY = 5_000
/** Milliseconds between two updates of a page in the background. */
const HIDDEN = 250

export class LogFeed {
  readonly store = new LineStore()
  readonly outline = new Outline()
  /** changes whenever lines were added */
  readonly version = shallowRef(0)
  /** whether all known lines were read once */
  readonly complete = shallowRef(false)
  readonly failure = shallowRef<unknown>()

  private readonly read: Read
  private readonly closed = new AbortController()
  private incoming: LiveLine[] = []
  private flushing = false
  private running = false
  private tail = false
  private wanted: [number, number] | undefined
  private page = FIRST_PAGE
  private until = 0
  private bumped = -LOOK
  private bumping: ReturnType<typeof setTimeout> | undefined
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(read: Read) {
    this.read = read
  }

  /** Ask for what is new at the end; then everything that is missing is loaded. */
  catchUp(): void {
    this.tail = true
    void this.load()
  }

  /** Load these lines next, since they are looked at. */
  want(from: number, to: number): void {
    if (!this.store.gap(from, to)) return
    this.wanted = [from, to]
    void this.load()
  }

  /** Take a message of the websocket. */
  receive(line: LiveLine): void {
    this.incoming.push(line)
    if (this.flushing) return
    this.flushing = true
    if (document.hidden) setTimeout(() => this.flush(), HIDDEN)
    else requestAnimationFrame(() => this.flush())
  }

  close(): void {
    this.closed.abort()
    clearTimeout(this.timer)
    clearTimeout(this.bumping)
  }

  private flush(): void {
    this.flushing = false
    if (this.closed.signal.aborted) return
    const lines = this.incoming
    this.incoming = []
    for (const each of lines) this.take(each)
    void this.load()
  }

  private take(line: LiveLine): void {
    const { store } = this
    if (store.has(line.id)) return
    if (!line.offset) return store.put(line, line.partial)
    const before = store.text(line.id)
    if (before === undefined || before.length < line.offset) return store.forget(line.id)
    store.put({ ...line, output: before.slice(0, line.offset) + line.output }, line.partial)
  }

  /** Load until nothing is missing; only one of these runs at a time. */
  private async load(): Promise<void> {
    if (this.running) {
      this.bump()
      return
    }
    this.running = true
    try {
      await this.advance()
      for (let range = this.next(); range; range = this.next()) {
        if (!(await this.loadPage(...range))) break
        this.bump()
        await this.advance()
      }
      this.failure.value = undefined
      this.complete.value = this.outline.length >= this.store.length
    } catch (error) {
      if (this.closed.signal.aborted) return
      this.failure.value = error
      this.tail = true
      if (isPassing(error)) this.timer = setTimeout(() => void this.load(), RETRY)
    } finally {
      this.running = false
      this.bump()
    }
  }

  private bump(): void {
    if (this.bumping !== undefined || this.closed.signal.aborted) return
    const wait = this.bumped + LOOK - performance.now()
    if (wait <= 0) this.change()
    else this.bumping = setTimeout(() => this.change(), wait)
  }

  private change(): void {
    this.bumping = undefined
    this.bumped = performance.now()
    this.version.value += 1
  }

  /** Give the browser its turn, if this has worked for a while. */
  private async rest(): Promise<void> {
    if (performance.now() < this.until) return
    await new Promise((resolve) => setTimeout(resolve))
    this.until = performance.now() + SLICE
  }

  /** Return the line above and the number of lines to load next, or undefined. */
  private next(): [number, number] | undefined {
    if (this.wanted) {
      const gap = this.store.gap(...this.wanted)
      this.wanted = undefined
      if (gap) return [gap[0] - 1, Math.min(gap[1] - gap[0] + 1, this.page)]
    }
    if (this.tail) {
      this.tail = false
      return [this.outline.length, this.page]
    }
    const first = this.outline.length + 1
    if (first > this.store.length) return undefined
    const gap = this.store.gap(first, Math.min(this.store.length, first + LARGEST_PAGE))
    // a line that is being written is here as far as it is known
    if (!gap || (gap[0] === this.store.length && this.store.isPartial(gap[0]))) return undefined
    return [gap[0] - 1, Math.min(gap[1] - gap[0] + 1, this.page)]
  }

  /** Load a page; false if the server does not have its lines yet. */
  private async loadPage(above: number, limit: number): Promise<boolean> {
    const page = await this.read(above, limit, this.closed.signal)
    for (const each of page.lines) {
      if (!this.store.has(each.id)) this.store.put(each)
      if ((each.id & 127) === 0) await this.rest()
    }
    this.store.extend(page.total)
    if (page.lines.length > 0) {
      const wanted = (page.lines.length * WANTED_SIZE) / Math.max(1, page.size)
      const most = Math.min(LARGEST_PAGE, this.page * 4)
      this.page = Math.round(Math.max(SMALLEST_PAGE, Math.min(most, wanted)))
    }
    this.store.shrink(this.outline.length)
    const got = page.lines.length > 0 || above >= this.store.length
    if (!got) this.timer = setTimeout(() => void this.load(), AGAIN)
    return got
  }

  /** Let the outline follow the lines that are here, in short slices. */
  private async advance(): Promise<void> {
    const { outline, store } = this
    while (store.has(outline.length + 1)) {
      const line = outline.length + 1
      outline.add(plain(store.text(line) ?? ''), store.time(line))
      if ((line & 127) !== 0) continue
      this.bump()
      await this.rest()
    }
    this.bump()
  }
}
