// Whether the window is narrow.
import { readonly, ref } from 'vue'

function matches(media: string) {
  const query = matchMedia(media)
  const now = ref(query.matches)
  query.addEventListener('change', () => (now.value = query.matches))
  return readonly(now)
}

/** Phone width: as wide as `hide-p` and `only-p` say (frame.css). */
export const isPhone = matches('(max-width: 640px)')

/** A notice at the left reaches a panel at the right. */
export const isNarrow = matches('(max-width: 1000px)')
