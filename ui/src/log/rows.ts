// Which lines are shown: without what is folded, and of one host only.
import { BLANK, HEADING, isInner, startedBefore, type Outline, type Section } from './outline'

export interface View {
  outline: Outline
  sections: readonly Section[]
  /** whether a section shows its header only */
  folded: (section: Section) => boolean
  /** the number of the only host whose results are shown; 0 for all */
  host: number
}

/** Called with the number of a line and the section that it is in. */
export type Show = (line: number, section: Section | undefined) => void

/** Call *show* for each line that is shown, *from* up to *last*, in order. */
export function visible(view: View, last: number, show: Show, from = 1): void {
  const { outline, sections, host } = view
  let next = startedBefore(sections, from) // the next section
  let hiddenUntil = foldedUntil(view, next)
  for (let line = from; line <= last; line++) {
    const section = sections[next]
    if (section?.line === line) {
      next += 1
      if (line <= hiddenUntil) continue
      if (view.folded(section)) hiddenUntil = section.end
      show(line, section)
      continue
    }
    if (line <= hiddenUntil) {
      // go on at the next section, or after what is hidden
      line = Math.min(hiddenUntil, (section?.line ?? Infinity) - 1)
      continue
    }
    const around = sections[next - 1]
    if (isShown(outline, host, line)) show(line, around && around.end >= line ? around : undefined)
  }
}

/** Return the last line that is hidden by sections before the one numbered *next*. */
function foldedUntil({ sections, folded }: View, next: number): number {
  let until = 0
  for (let at = next - 1; at >= 0; at--) {
    const section = sections[at]!
    if (folded(section)) until = Math.max(until, section.end)
    if (!isInner(section)) break // what is before has ended
  }
  return until
}

/** Whether a line that is no header is shown. */
export function isShown(outline: Outline, host: number, line: number): boolean {
  if (host !== 0 && !outline.isOf(line, host)) return false
  // an empty line before a header is the space that headers have anyway
  return outline.kind(line) !== BLANK || outline.kind(line + 1) !== HEADING
}

/** Return how far the text of a line is moved in: 0, 1 in a play, 2 in a task. */
export function depth(section: Section | undefined): number {
  if (!section) return 0
  return isInner(section) ? 2 : 1
}

/** Whether *section* is folded when a run that has ended is opened. */
export function foldedAtFirst(section: Section, failed: boolean): boolean {
  if (section.kind === 'recap') return false
  return failed ? section.errors === 0 : section.kind === 'stage'
}
