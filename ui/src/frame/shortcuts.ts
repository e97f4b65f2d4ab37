// Keys: single letters and pairs such as "g t". They do nothing while a text is typed
// or a dialog is open.
import { computed, onScopeDispose, ref, shallowReactive } from 'vue'

export interface Shortcut {
  /** one key, or two with a space between */
  keys: string
  label: () => string
  run: () => void
}

/** Milliseconds between the two keys of a pair. */
const PAIR = 1_500

const known = shallowReactive(new Set<Shortcut>())
let first = ''
let timer: ReturnType<typeof setTimeout> | undefined

export const shortcutsShown = ref(false)

/** The shortcuts of the present page; a later one replaces one with the same keys. */
export const shortcuts = computed(() => [
  ...new Map([...known].map((each) => [each.keys, each])).values(),
])

/** Offer *added* while the calling component is there. */
export function useShortcuts(added: Shortcut[]): void {
  for (const each of added) known.add(each)
  onScopeDispose(() => added.forEach((each) => known.delete(each)))
}

function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
}

const dialog = () => document.querySelector('[role=dialog], [role=menu], [role=listbox]') !== null

/** Handle a key of the document. */
export function pressed(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
  if (typing(event.target) || dialog()) return
  const keys = first ? `${first} ${event.key}` : event.key
  first = ''
  clearTimeout(timer)
  const found = shortcuts.value.find((each) => each.keys === keys)
  if (found) {
    event.preventDefault()
    found.run()
  } else if (shortcuts.value.some((each) => each.keys.startsWith(`${keys} `))) {
    first = keys
    timer = setTimeout(() => (first = ''), PAIR)
  }
}
