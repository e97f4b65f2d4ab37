// What one row of the log shows.
import { parse, plain, type Piece } from '@/log/ansi'
import { LONGEST } from '@/log/listing'
import { ERROR, sectionAt, type Section } from '@/log/outline'
import { cut, withHits, type Shown } from '@/log/pieces'
import { depth } from '@/log/rows'
import { places } from '@/log/search'
import type { LogModel } from './useLog'

export interface RowData {
  line: number
  /** of a header */
  section: Section | undefined
  folded: boolean
  depth: number
  time: string
  pieces: Shown[]
  /** characters that are left out */
  more: number
  error: boolean
  /** the first line of an error */
  first: boolean
  chosen: boolean
  /** whether the text is not here yet */
  missing: boolean
}

const two = (value: number) => String(value).padStart(2, '0')

export function clockTime(milliseconds: number): string {
  const at = new Date(milliseconds)
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

const HEAD = /^(?:PLAY RECAP|PLAY|TASK|RUNNING HANDLER|HANDLER)/

/** Return the word and the title of a header, each as a piece. */
function headerPieces(text: string, section: Section): Piece[] {
  if (section.kind === 'stage') {
    return [
      { text: section.title, cls: 'h-title', vars: undefined },
      { text: `  ${text}`, cls: 'h-more', vars: undefined },
    ]
  }
  const word = HEAD.exec(text)?.[0] ?? ''
  if (section.kind === 'recap') return [{ text: word, cls: 'h-title', vars: undefined }]
  return [
    { text: `${word}  `, cls: '', vars: undefined },
    { text: section.title, cls: 'h-title', vars: undefined },
  ]
}

/** Return what the row of *line* shows; *opened* has the long lines that are shown whole. */
export function rowOf(model: LogModel, line: number, opened: ReadonlySet<number>): RowData {
  const { store, outline } = model.feed
  const sections = model.sections.value
  const around = sections[sectionAt(sections, line)]
  const section = around?.line === line ? around : undefined
  const text = store.text(line)
  const shown = text ?? ''
  const sought = model.search.sought.value
  let pieces = section ? headerPieces(plain(shown), section) : parse(shown, store.style(line))
  let more = 0
  if (!opened.has(line)) [pieces, more] = cut(pieces, LONGEST)
  const hits = sought ? places(pieces.map((each) => each.text).join(''), sought) : []
  const present = model.search.present.value
  const error = outline.kind(line) === ERROR || model.isError(line)
  return {
    line,
    section,
    folded: section !== undefined && model.folded(section),
    depth: depth(around),
    time: text === undefined ? '' : clockTime(store.time(line)),
    pieces: withHits(pieces, hits, model.search.text.value.length, atOf(present, line, hits)),
    more,
    error,
    first: error && model.errorLines.value[model.errorIndex.value] === line,
    chosen: model.line.value === line,
    missing: text === undefined,
  }
}

/** Return where the present hit is in this line, or -1. In a header only the title is. */
function atOf(present: { line: number; at: number } | undefined, line: number, hits: number[]) {
  if (present?.line !== line) return -1
  return hits.includes(present.at) ? present.at : (hits[0] ?? -1)
}
