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

/** Too narrow for a notice at the left beside a panel at the right. */
export const isNarrow = matches('(max-width: 1000px)')
