// The rows of the window: which line each shows, and how high it is.
import { Heights, wrapped } from './heights'
import type { Section } from './outline'
import { depth, visible, type View } from './rows'
import type { LineStore } from './store'

export const LINE = 20
export const HEADER = 24
/** Characters of a line that are shown before it is opened. */
export const LONGEST = 2_000

export interface Measure {
  /** characters that fit into a row, by depth; undefined if lines are not wrapped */
  columns: [number, number, number] | undefined
}

export class Listing {
  readonly heights = new Heights()
  private lines = new Int32Array(1024)
  /** the last line of the outline, and the rows up to it; rows below are provisional */
  private outlined = 0
  private exact = 0
  private view: View | undefined
  private measure: Measure = { columns: undefined }
  private readonly store: LineStore

  constructor(store: LineStore) {
    this.store = store
  }

  get length(): number {
    return this.heights.length
  }

  /** The number of the host whose results are shown; 0 for all. */
  get host(): number {
    return this.view?.host ?? 0
  }

  /** Make all rows anew. */
  rebuild(view: View, measure: Measure): void {
    this.view = view
    this.measure = measure
    this.outlined = this.exact = 0
    this.grow()
  }

  /** Add rows for the lines that were added since; *sections* has the new ones, too. */
  append(sections: readonly Section[]): void {
    if (!this.view) return
    this.view.sections = sections
    this.grow()
  }

  private grow(): void {
    const { view, store } = this
    if (!view) return
    // the last line may be hidden by what follows
    const last = Math.max(1, this.outlined)
    if (this.exact > 0 && this.lines[this.exact - 1] === last) this.exact -= 1
    this.heights.cut(this.exact)
    this.outlined = view.outline.length
    visible(view, this.outlined, (line, section) => this.push(line, section), last)
    this.exact = this.length
    if (view.host === 0) this.fill(this.outlined + 1, store.length)
  }

  /** Add a row for each of these lines, of which the outline knows nothing yet. */
  private fill(from: number, to: number): void {
    const count = this.length + Math.max(0, to - from + 1)
    this.reserve(count)
    for (let row = this.length, line = from; row < count; row++, line++) this.lines[row] = line
    this.heights.fill(count, LINE)
  }

  lineAt(row: number): number {
    return row < 0 ? 0 : (this.lines[row] ?? 0)
  }

  /** Return the row of *line*, or of the nearest shown one above. */
  rowOf(line: number): number {
    let low = 0
    let high = this.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.lines[middle]! <= line) low = middle + 1
      else high = middle
    }
    return Math.max(0, low - 1)
  }

  private push(line: number, section: Section | undefined): void {
    const row = this.length
    this.reserve(row + 1)
    this.lines[row] = line
    this.heights.push(this.heightOf(line, section))
  }

  private reserve(count: number): void {
    if (count <= this.lines.length) return
    const larger = new Int32Array(count * 2)
    larger.set(this.lines)
    this.lines = larger
  }

  private heightOf(line: number, section: Section | undefined): number {
    if (section?.line === line) return HEADER
    const columns = this.measure.columns?.[depth(section)]
    if (columns === undefined) return LINE
    return LINE * wrapped(Math.min(LONGEST, this.store.width(line)), columns)
  }
}
