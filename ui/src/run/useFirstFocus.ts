// Gives the focus to the first field of the run dialog. Until the fields are loaded, the dialog
// itself has it.
import { nextTick, watch, type Ref } from 'vue'

const FIRST = '.rl input:not([type=radio]), .rl [role=combobox]'

/** Return what to call when the dialog opens. */
export function useFirstFocus(loaded: Ref<unknown>): (event: Event) => void {
  function focus(event?: Event): void {
    const found = document.querySelector<HTMLElement>(FIRST)
    if (found) event?.preventDefault()
    found?.focus()
  }
  watch(loaded, (now, before) => {
    if (now && !before) void nextTick(() => focus())
  })
  return focus
}
