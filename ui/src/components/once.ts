// For parts that are loaded when they are first needed, and then stay.
import { ref, watch, type Ref } from 'vue'

/** Return a ref that becomes true when *condition* first is, and stays true. */
export function useOnceTrue(condition: () => boolean): Ref<boolean> {
  const reached = ref(condition())
  watch(condition, (now) => (reached.value ||= now))
  return reached
}
