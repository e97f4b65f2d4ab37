// Columns of tables.

/** Return a column: its header, and the classes of its header and of all its cells. */
export function column(id: string, header: string, width = '', cells = '') {
  return { id, header, meta: { class: { th: `${width} ${cells}`, td: cells } } }
}
