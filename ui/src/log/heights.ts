// Heights of many rows: where a row is, and which row is at a place. Pixels.

const BLOCK = 256

export class Heights {
  private each = new Uint32Array(1024)
  private blocks: number[] = []
  private count = 0
  private sum = 0

  get length(): number {
    return this.count
  }

  get total(): number {
    return this.sum
  }

  push(height: number): void {
    if (this.count === this.each.length) {
      const larger = new Uint32Array(this.count * 2)
      larger.set(this.each)
      this.each = larger
    }
    this.each[this.count] = height
    const block = Math.floor(this.count / BLOCK)
    this.blocks[block] = (this.blocks[block] ?? 0) + height
    this.count += 1
    this.sum += height
  }

  /** Add rows of one *height* until there are *count*. */
  fill(count: number, height: number): void {
    if (count <= this.count) return
    if (count > this.each.length) {
      const larger = new Uint32Array(count * 2)
      larger.set(this.each)
      this.each = larger
    }
    this.each.fill(height, this.count, count)
    this.sum += (count - this.count) * height
    for (let at = this.count; at < count;) {
      const block = Math.floor(at / BLOCK)
      const end = Math.min(count, (block + 1) * BLOCK)
      this.blocks[block] = (this.blocks[block] ?? 0) + (end - at) * height
      at = end
    }
    this.count = count
  }

  /** Leave the first *count* rows only. */
  cut(count: number): void {
    if (count >= this.count) return
    this.sum = this.top(count)
    this.count = count
    this.blocks.length = Math.ceil(count / BLOCK)
    if (count % BLOCK === 0) return
    const last = Math.floor(count / BLOCK)
    this.blocks[last] = this.sum - this.top(last * BLOCK)
  }

  get(row: number): number {
    return this.each[row] ?? 0
  }

  set(row: number, height: number): void {
    const change = height - this.get(row)
    if (change === 0 || row >= this.count) return
    this.each[row] = height
    const block = Math.floor(row / BLOCK)
    this.blocks[block] = (this.blocks[block] ?? 0) + change
    this.sum += change
  }

  /** Return where *row* begins. */
  top(row: number): number {
    const last = Math.min(row, this.count)
    const block = Math.floor(last / BLOCK)
    let result = 0
    for (let i = 0; i < block; i++) result += this.blocks[i]!
    for (let i = block * BLOCK; i < last; i++) result += this.each[i]!
    return result
  }

  /** Return the row at *place*; the nearest one if it is outside. */
  at(place: number): number {
    let left = Math.max(0, place)
    let block = 0
    while (block < this.blocks.length && left >= this.blocks[block]!) {
      left -= this.blocks[block]!
      block += 1
    }
    let row = block * BLOCK
    while (row < this.count && left >= this.each[row]!) {
      left -= this.each[row]!
      row += 1
    }
    return Math.max(0, Math.min(row, this.count - 1))
  }
}

/** Return how many rows of *columns* characters a text of *length* takes. */
export function wrapped(length: number, columns: number): number {
  return Math.max(1, Math.ceil(length / Math.max(1, columns)))
}
