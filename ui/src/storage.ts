// Values that this browser keeps. Storage may be full or forbidden: then nothing is kept.

export function recall(name: string): string | null {
  try {
    return localStorage.getItem(`semaphore.${name}`)
  } catch {
    return null
  }
}

export function keep(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`semaphore.${name}`)
    else localStorage.setItem(`semaphore.${name}`, value)
  } catch {
    // the choice lasts until the page is closed
  }
}
