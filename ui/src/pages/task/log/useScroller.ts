// The window over the rows of a log: which are drawn, and where the view stays.
//
// The view is kept at an anchor, a line and pixels, so that rows above it may change their
// heights; while it follows, it is kept at the end.
import { nextTick, onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'
import { following as followed } from '@/log/follow'
import type { Listing } from '@/log/listing'

/** Pixels that are drawn above and below of what is seen. */
const MORE = 400

export interface Scroller {
  box: Ref<HTMLElement | undefined>
  /** the rows that are drawn: first, and the one after the last */
  range: Ref<[number, number]>
  top: Ref<number>
  total: Ref<number>
  following: Ref<boolean>
  width: Ref<number>
  /** what is seen, as parts of the whole: begin and size */
  seen: Ref<[number, number]>
  /** whether the user has moved the view */
  moved: () => boolean
  onScroll: () => void
  /** To be called before rows change. */
  adopt: () => void
  /** Draw again after rows were added or changed. */
  refresh: () => void
  /** Show *line* near the top of the view. */
  show: (line: number, below?: number) => void
  toEnd: () => void
  /** the line at the top of the view */
  firstLine: () => number
}

export function useScroller(listing: Listing, follow: boolean): Scroller {
  const box = ref<HTMLElement>()
  const range = shallowRef<[number, number]>([0, 0])
  const top = ref(0)
  const total = ref(0)
  const width = ref(0)
  const following = ref(follow)
  const seen = ref<[number, number]>([0, 1])
  let anchor = { line: 1, offset: 0 }
  let at = 0
  let own = NaN
  let placed = 0
  let isMoved = false

  const height = () => box.value?.clientHeight ?? 0
  const end = () => Math.max(0, listing.heights.total - height())

  function wantedTop(): number {
    if (following.value) return end()
    const row = listing.rowOf(anchor.line)
    const exact = listing.lineAt(row) === anchor.line
    return Math.max(0, Math.min(end(), listing.heights.top(row) + (exact ? anchor.offset : 0)))
  }

  function draw(place: number): void {
    const { heights } = listing
    at = place
    const first = heights.at(place - MORE)
    const last = heights.at(place + height() + MORE)
    if (range.value[0] !== first || range.value[1] !== last + 1) range.value = [first, last + 1]
    top.value = heights.top(first)
    total.value = heights.total
    const whole = Math.max(1, heights.total)
    seen.value = [place / whole, Math.min(1, height() / whole)]
  }

  function move(place: number): void {
    const element = box.value
    if (!element) return
    if (Math.abs(element.scrollTop - place) >= 1) {
      element.scrollTop = place
      own = element.scrollTop
    }
    placed = element.scrollTop
  }

  /** Learn the heights of what is drawn; they depend on where words break. */
  function measure(): boolean {
    const rows = box.value?.querySelectorAll<HTMLElement>('[data-row]') ?? []
    const known: [number, number][] = []
    for (const each of rows) known.push([Number(each.dataset.row), each.offsetHeight])
    let changed = false
    for (const [row, size] of known) {
      if (size === 0 || listing.heights.get(row) === size) continue
      listing.heights.set(row, size)
      changed = true
    }
    return changed
  }

  /** Take over where the user has scrolled to, if the event of it has not come yet. */
  function adopt(): void {
    const place = box.value?.scrollTop ?? placed
    if (Math.abs(place - placed) >= 2) stay(place)
  }

  /** Keep the view where the user has moved it. */
  function stay(place: number): void {
    isMoved = true
    const now = { top: place, height: height(), total: listing.heights.total }
    following.value = followed(following.value, at, now, false)
    const row = listing.heights.at(place)
    anchor = { line: listing.lineAt(row), offset: place - listing.heights.top(row) }
    at = placed = place
  }

  let waiting = false
  function refresh(): void {
    if (waiting) return
    waiting = true
    adopt()
    draw(wantedTop())
    void nextTick(() => {
      waiting = false
      settle(2)
    })
  }

  function settle(rounds: number): void {
    const changed = measure()
    if (changed) draw(wantedTop())
    void nextTick(() => {
      move(wantedTop())
      if (changed && rounds > 0) settle(rounds - 1)
    })
  }

  function onScroll(): void {
    const element = box.value
    if (!element) return
    const place = element.scrollTop
    const mine = Math.abs(place - own) < 2
    own = NaN
    if (!mine) stay(place)
    placed = place
    draw(place)
    void nextTick(() => {
      if (!measure()) return
      draw(wantedTop())
      void nextTick(() => move(wantedTop()))
    })
  }

  function show(line: number, below = 64): void {
    adopt()
    following.value = false
    anchor = { line, offset: -below }
    refresh()
  }

  function toEnd(): void {
    adopt()
    following.value = true
    refresh()
  }

  const observer = new ResizeObserver(() => {
    width.value = box.value?.clientWidth ?? 0
    refresh()
  })
  watch(box, (element, before) => {
    if (before) observer.unobserve(before)
    if (element) observer.observe(element)
  })
  onScopeDispose(() => observer.disconnect())

  return {
    box,
    range,
    top,
    total,
    following,
    width,
    seen,
    moved: () => isMoved,
    onScroll,
    adopt,
    refresh,
    show,
    toEnd,
    firstLine: () => listing.lineAt(listing.heights.at(at)),
  }
}
