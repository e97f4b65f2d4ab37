// The lines of a log: each has a number from 1, and some may not be here yet.
//
// Lines are in chunks, so that parts far from the view can be let go when the log is
// larger than its room; they are loaded again when they are looked at.
import { endStyle, PLAIN, plain, same, type Style } from './ansi'

export interface Line {
  /** the number, from 1 */
  id: number
  output: string
  /** milliseconds since 1970 */
  time: number
}

export const CHUNK = 1024
/** Characters that are kept: each takes one or two bytes. */
const ROOM = 64 * 1024 * 1024
/** Different styles at the begin of lines. */
const STYLES = 4096

interface Chunk {
  texts: (string | undefined)[]
  times: Float64Array
  /** characters that are visible, at most 65,535 */
  widths: Uint16Array
  /** style at the begin of each line, by number in the table */
  styles: Uint16Array
  count: number
  size: number
}

function newChunk(): Chunk {
  return {
    texts: [],
    times: new Float64Array(CHUNK),
    widths: new Uint16Array(CHUNK),
    styles: new Uint16Array(CHUNK),
    count: 0,
    size: 0,
  }
}

export class LineStore {
  private chunks: (Chunk | undefined)[] = []
  private table: Style[] = [PLAIN]
  private numbers = new Map<string, number>()
  private size = 0
  private last = 0
  private partial = new Set<number>()
  private readonly room: number

  /** *room* is the number of characters that are kept. */
  constructor(room = ROOM) {
    this.room = room
  }

  /** The number of the last line that is known to exist. */
  get length(): number {
    return this.last
  }

  /** Say that lines up to *id* exist. */
  extend(id: number): void {
    this.last = Math.max(this.last, id)
  }

  /** Store a line; with *partial* it will be continued. */
  put(line: Line, partial = false): void {
    const at = line.id - 1
    const index = Math.floor(at / CHUNK)
    const chunk = (this.chunks[index] ??= newChunk())
    const place = at % CHUNK
    const before = chunk.texts[place]
    if (before === undefined) chunk.count += 1
    const change = line.output.length - (before?.length ?? 0)
    chunk.texts[place] = line.output
    chunk.times[place] = line.time
    chunk.widths[place] = Math.min(65_535, plain(line.output).length)
    chunk.size += change
    this.size += change
    if (partial) this.partial.add(line.id)
    else this.partial.delete(line.id)
    this.extend(line.id)
    const style = line.id > 1 ? this.endOf(line.id - 1) : PLAIN
    chunk.styles[place] = this.number(style)
  }

  /** Forget what is here of a line that exists: a part of it was missed. */
  forget(id: number): void {
    const chunk = this.chunk(id)
    const place = (id - 1) % CHUNK
    const before = chunk?.texts[place]
    this.extend(id)
    if (!chunk || before === undefined) return
    chunk.texts[place] = undefined
    chunk.count -= 1
    chunk.size -= before.length
    this.size -= before.length
    this.partial.delete(id)
  }

  /** Return the text, or undefined if it is not here. */
  text(id: number): string | undefined {
    return this.chunk(id)?.texts[(id - 1) % CHUNK]
  }

  has(id: number): boolean {
    return this.text(id) !== undefined && !this.partial.has(id)
  }

  isPartial(id: number): boolean {
    return this.partial.has(id)
  }

  time(id: number): number {
    return this.chunk(id)?.times[(id - 1) % CHUNK] ?? 0
  }

  width(id: number): number {
    return this.chunk(id)?.widths[(id - 1) % CHUNK] ?? 0
  }

  style(id: number): Style {
    return this.table[this.chunk(id)?.styles[(id - 1) % CHUNK] ?? 0] ?? PLAIN
  }

  /** Return the first gap in *from* to *to*, both included, or undefined. */
  gap(from: number, to: number): [number, number] | undefined {
    for (let id = Math.max(1, from); id <= to; id++) {
      const chunk = this.chunk(id)
      if (chunk?.count === CHUNK && this.partial.size === 0) {
        id += CHUNK - 1 - ((id - 1) % CHUNK)
        continue
      }
      if (this.has(id)) continue
      let end = id
      while (end < to && end - id < 65_536 && !this.has(end + 1)) end += 1
      return [id, end]
    }
    return undefined
  }

  /** Let chunks go that are farthest from line *near*, until the rest has room. */
  shrink(near: number): void {
    const here = Math.floor(near / CHUNK)
    while (this.size > this.room) {
      let farthest = 1
      let chunk: Chunk | undefined
      this.chunks.forEach((each, index) => {
        const distance = Math.abs(index - here)
        if (!each || each.size === 0 || distance <= farthest) return
        farthest = distance
        chunk = each
      })
      if (!chunk) return
      this.size -= chunk.size
      chunk.texts = []
      chunk.size = chunk.count = 0
    }
  }

  private chunk(id: number): Chunk | undefined {
    return this.chunks[Math.floor((id - 1) / CHUNK)]
  }

  private endOf(id: number): Style {
    const text = this.text(id)
    return text === undefined ? PLAIN : endStyle(text, this.style(id))
  }

  private number(style: Style): number {
    if (same(style, PLAIN)) return 0
    const key = `${style.fg} ${style.bg} ${style.flags}`
    const found = this.numbers.get(key)
    if (found !== undefined) return found
    if (this.table.length >= STYLES) return 0
    this.numbers.set(key, this.table.length)
    return this.table.push(style) - 1
  }
}
