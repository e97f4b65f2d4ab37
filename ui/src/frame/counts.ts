// Numbers beside entries of the rail, which pages or the frame set.
import { reactive } from 'vue'

/** How many things need the user, by entry; 0 shows nothing. */
export const counts = reactive<Record<string, number>>({})
