// The rows of the window: which line each shows, and how high it is.
import { Heights, wrapped } from './heights'
import { sectionAt, type Section } from './outline'
import { depth, isShown, visible, type View } from './rows'
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
  private last = 0
  private outlined = 0
  private view: View | undefined
  private measure: Measure = { columns: undefined }
  private readonly store: LineStore

  constructor(store: LineStore) {
    this.store = store
  }

  get length(): number {
    return this.heights.length
  }

  /** Whether {@link append} suffices for the lines that were added since. */
  get isCurrent(): boolean {
    return this.view !== undefined && this.outlined >= this.last
  }

  /** Make all rows anew. */
  rebuild(view: View, measure: Measure): void {
    this.view = view
    this.measure = measure
    this.heights.clear()
    this.last = this.store.length
    this.outlined = view.outline.length
    visible(view, this.last, (line, section) => this.push(line, section))
  }

  /** Add rows for the lines that were added since; *sections* has the new ones, too. */
  append(sections: readonly Section[]): void {
    const { view, store } = this
    if (!view) return
    view.sections = sections
    const { outline, host } = view
    for (let line = this.last + 1; line <= store.length; line++) {
      const section = sections[sectionAt(sections, line)]
      const header = section?.line === line
      const before = this.lineAt(this.length - 1)
      if (header && before === line - 1 && !isShown(outline, host, before)) this.pop()
      if (header || isShown(outline, host, line)) this.push(line, section)
    }
    this.last = store.length
    this.outlined = outline.length
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
    if (row === this.lines.length) {
      const larger = new Int32Array(row * 2)
      larger.set(this.lines)
      this.lines = larger
    }
    this.lines[row] = line
    this.heights.push(this.heightOf(line, section))
  }

  private pop(): void {
    this.heights.pop()
  }

  private heightOf(line: number, section: Section | undefined): number {
    if (section?.line === line) return HEADER
    const columns = this.measure.columns?.[depth(section)]
    if (columns === undefined) return LINE
    return LINE * wrapped(Math.min(LONGEST, this.store.width(line)), columns)
  }
}
