// The log view of a task: folds, filter, search, errors, and the rows that are drawn.
import { computed, reactive, ref, shallowRef, watch, type Ref } from 'vue'
import type { LogFeed } from '@/log/feed'
import { Listing } from '@/log/listing'
import { isInner, sectionAt, startedBefore, type Section } from '@/log/outline'
import { foldedAtFirst, type View } from '@/log/rows'
import { keep, recall } from '@/storage'
import { useScroller, type Scroller } from './useScroller'
import { useSearch, type Search } from './useSearch'

/** Width of a character, and of what stands before the text, in pixels. */
const CHARACTER = 7.2
const BEFORE = { wide: [130, 130, 146], times: 68, phone: [56, 56, 60] } as const

export interface LogOptions {
  feed: LogFeed
  /** how the task ended; undefined while it runs */
  ended: Ref<'failed' | 'well' | undefined>
  /** steps before and after the program, in the order of their lines */
  stages: Ref<Section[]>
  /** lines of errors that the server knows */
  errors: Ref<number[]>
  /** the line that the address names; 0 if it names none */
  line: Ref<number>
  host: Ref<string>
  find: string
}

export interface LogModel {
  feed: LogFeed
  listing: Listing
  scroller: Scroller
  search: Search
  sections: Ref<readonly Section[]>
  wrap: Ref<boolean>
  times: Ref<boolean>
  line: Ref<number>
  host: Ref<string>
  /** changes when all rows must be drawn anew */
  drawing: Ref<number>
  errorLines: Ref<number[]>
  isError: (line: number) => boolean
  errorIndex: Ref<number>
  folded: (section: Section) => boolean
  toggle: (section: Section) => void
  foldAll: (fold: boolean) => void
  allFolded: Ref<boolean>
  /** Show a line, wherever it is. */
  reveal: (line: number) => void
  stepError: (by: number) => void
}

const choice = (name: string) => {
  const value = ref(recall(name) !== 'off')
  watch(value, (on) => keep(name, on ? null : 'off'))
  return value
}

export function useLog(options: LogOptions): LogModel {
  const { feed, ended, host, line } = options
  const listing = new Listing(feed.store)
  const scroller = useScroller(listing, ended.value === undefined && line.value === 0)
  const search = useSearch(feed, options.find, () => scroller.firstLine())
  const manual = reactive(new Map<number, boolean>())
  const wrap = choice('log.wrap')
  const times = choice('log.times')
  const drawing = ref(0)
  const errorIndex = ref(0)
  const foldsAtFirst = ended.value !== undefined

  const sections = computed<readonly Section[]>(() => {
    void feed.version.value
    const { sections: own } = feed.outline
    if (options.stages.value.length === 0) return own
    const all = [...own]
    for (const each of options.stages.value) all.splice(startedBefore(all, each.line), 0, each)
    return all
  })

  const errorLines = computed<number[]>((before) => {
    void feed.version.value
    const told = options.errors.value
    if (told.length > 0) return told
    const next = feed.outline.realErrors().map((each) => each.line)
    const same = before?.length === next.length && before.at(-1) === next.at(-1)
    return before && same ? before : next
  })
  const errorSet = computed(() => new Set(errorLines.value))

  function folded(section: Section): boolean {
    const chosen = manual.get(section.line)
    if (chosen !== undefined) return chosen
    if (!foldsAtFirst || !feed.complete.value) return false
    return foldedAtFirst(section, ended.value === 'failed')
  }

  function columns(): [number, number, number] | undefined {
    const phone = matchMedia('(max-width: 640px)').matches
    if (!wrap.value && !phone) return undefined
    const before = phone ? BEFORE.phone : BEFORE.wide
    const hidden = phone || times.value ? 0 : BEFORE.times
    const fit = (pixels: number) =>
      Math.max(8, Math.floor((scroller.width.value - pixels + hidden) / CHARACTER))
    return [fit(before[0]), fit(before[1]), fit(before[2])]
  }

  /** The host's number; 0 if the outline does not know it yet. */
  const hostNumber = () => (host.value ? feed.outline.hostNumber(host.value) : 0)

  function rebuild(): void {
    const view: View = {
      outline: feed.outline,
      sections: sections.value,
      folded,
      host: hostNumber(),
    }
    scroller.adopt()
    listing.rebuild(view, { columns: columns() })
    drawing.value += 1
    scroller.refresh()
  }

  function grown(): void {
    if (listing.host !== hostNumber()) return rebuild()
    scroller.adopt()
    listing.append(sections.value)
    drawing.value += 1
    scroller.refresh()
  }

  /** Open what hides *at*. */
  function open(at: number): void {
    const index = sectionAt(sections.value, at)
    const section = sections.value[index]
    let changed = false
    const unfold = (each: Section | undefined) => {
      if (!each || !folded(each)) return
      manual.set(each.line, false)
      changed = true
    }
    if (section && section.line !== at) unfold(section)
    if (section && isInner(section)) {
      unfold(sections.value.slice(0, index).findLast((each) => each.kind === 'play'))
    }
    if (host.value && !feed.outline.isOf(at, feed.outline.hostNumber(host.value))) host.value = ''
    if (changed) rebuild()
  }

  function reveal(at: number): void {
    feed.want(Math.max(1, at - 20), Math.min(feed.store.length, at + 60))
    open(at)
    scroller.show(at)
  }

  const shownAtFirst = shallowRef(false)
  /** Once, show what the reader came for. */
  function begin(): void {
    if (shownAtFirst.value || feed.store.length === 0) return
    const known = line.value || (ended.value === 'failed' ? errorLines.value[0] : 0)
    if (!known && !feed.complete.value) return
    shownAtFirst.value = true
    if (scroller.moved()) return
    if (known) reveal(known)
    else if (ended.value === 'failed') scroller.toEnd()
  }

  watch(feed.version, grown, { flush: 'sync' })
  watch([feed.complete, options.stages], () => {
    rebuild()
    begin()
  })
  watch(errorLines, begin)
  watch([wrap, times, scroller.width, host], rebuild)
  watch(search.present, (hit) => hit && reveal(hit.line))
  rebuild()
  begin() // what came before this was made

  return {
    feed,
    listing,
    scroller,
    search,
    sections,
    wrap,
    times,
    line,
    host,
    drawing,
    errorLines,
    isError: (at) => errorSet.value.has(at),
    errorIndex,
    folded,
    toggle(section) {
      manual.set(section.line, !folded(section))
      rebuild()
    },
    foldAll(fold) {
      for (const each of sections.value) manual.set(each.line, fold)
      rebuild()
    },
    allFolded: computed(() => sections.value.length > 0 && sections.value.every(folded)),
    reveal,
    stepError(by) {
      const count = errorLines.value.length
      if (count === 0) return
      errorIndex.value = (errorIndex.value + by + count) % count
      reveal(errorLines.value[errorIndex.value]!)
    },
  }
}
