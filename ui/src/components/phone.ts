// Whether the window has phone width: as wide as `hide-p` and `only-p` say (frame.css).
import { readonly, ref } from 'vue'

const query = matchMedia('(max-width: 640px)')
const narrow = ref(query.matches)
query.addEventListener('change', () => (narrow.value = query.matches))

export const isPhone = readonly(narrow)
