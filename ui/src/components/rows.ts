// Rows of lists that lead somewhere: a click anywhere in one follows its RowLink.

/** What answers a click in a row by itself. */
const OWN = 'a, button, input, select, textarea, label, [role=combobox]'

/** Follow the link of the row that was clicked; a list's container listens with this.
 *
 * Also by the middle button. Keys and screen readers use the link itself.
 */
export function followRow(event: MouseEvent): void {
  if (event.defaultPrevented || event.button > 1 || !(event.target instanceof Element)) return
  const link = event.target.closest('tr, li, .row2')?.querySelector<HTMLAnchorElement>('a.rowlink')
  if (!link || event.target.closest(OWN)) return
  if (getSelection()?.isCollapsed === false) return // text of the row was selected
  if (event.button === 1 || event.ctrlKey || event.metaKey || event.shiftKey)
    window.open(link.href, '_blank', 'noopener')
  else link.click()
}
