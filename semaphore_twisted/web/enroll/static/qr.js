// QR codes of bytes (ISO/IEC 18004): model 2, byte mode, versions 1 to 40, levels L and
// M. The smallest version is taken, and level M where it needs no larger one.

/** The text does not fit. */
export class TooLong extends Error {}

const LEVELS = {
  // bits: as the format information names the level (table 12)
  // check: codewords for error correction in a block; blocks: how many (table 9)
  L: {
    bits: 1,
    check: [
      7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28,
      28, 28, 30, 30, 26, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30,
    ],
    blocks: [
      1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8,
      8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25,
    ],
  },
  M: {
    bits: 0,
    check: [
      10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26,
      26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    ],
    blocks: [
      1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16,
      17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49,
    ],
  },
};

const VERSIONS = 40;

// --- error correction: Reed-Solomon over GF(256), x^8 + x^4 + x^3 + x^2 + 1 ----------

const POWERS = new Uint8Array(510);
const LOGS = new Uint8Array(256);
for (let exponent = 0, value = 1; exponent < 255; exponent += 1) {
  POWERS[exponent] = value;
  POWERS[exponent + 255] = value;
  LOGS[value] = exponent;
  value = (value << 1) ^ (value & 0x80 ? 0x11d : 0);
}

function product(a, b) {
  return a && b ? POWERS[LOGS[a] + LOGS[b]] : 0;
}

/** The factors of (x - 1)(x - 2)(x - 4)..., the highest, which is 1, left out. */
function generator(degree) {
  let factors = [1];
  for (let root = 0; root < degree; root += 1) {
    const next = [...factors, 0];
    factors.forEach((factor, place) => {
      next[place + 1] ^= product(factor, POWERS[root]);
    });
    factors = next;
  }
  return factors.slice(1);
}

function checkOf(data, factors) {
  const rest = new Uint8Array(data.length + factors.length);
  rest.set(data);
  for (let place = 0; place < data.length; place += 1) {
    const lead = rest[place];
    factors.forEach((factor, offset) => {
      rest[place + 1 + offset] ^= product(factor, lead);
    });
  }
  return rest.slice(data.length);
}

// --- the matrix: what is there whatever the text is -----------------------------------

class Matrix {
  constructor(version) {
    this.version = version;
    this.size = 17 + 4 * version;
    this.dark = new Uint8Array(this.size * this.size);
    this.fixed = new Uint8Array(this.size * this.size); // no place for data
    this.#timing();
    for (const [x, y] of [[3, 3], [this.size - 4, 3], [3, this.size - 4]]) {
      this.#square(x, y, 4, (ring) => ring !== 2 && ring !== 4);
    }
    for (const [x, y] of alignments(version)) {
      this.#square(x, y, 2, (ring) => ring !== 1);
    }
    this.format(0, 0); // keeps the places
    if (version >= 7) this.#version();
  }

  put(x, y, dark) {
    this.dark[y * this.size + x] = dark ? 1 : 0;
    this.fixed[y * this.size + x] = 1;
  }

  /** Rings around a middle, as far as they are inside. */
  #square(middleX, middleY, radius, isDark) {
    for (let dy = -radius; dy <= radius; dy += 1) {
      for (let dx = -radius; dx <= radius; dx += 1) {
        const [x, y] = [middleX + dx, middleY + dy];
        if (x >= 0 && y >= 0 && x < this.size && y < this.size) {
          this.put(x, y, isDark(Math.max(Math.abs(dx), Math.abs(dy))));
        }
      }
    }
  }

  #timing() {
    for (let place = 0; place < this.size; place += 1) {
      this.put(place, 6, place % 2 === 0);
      this.put(6, place, place % 2 === 0);
    }
  }

  /** Level and mask, twice, with a BCH code (section 7.9). */
  format(levelBits, mask) {
    const data = (levelBits << 3) | mask;
    const code = ((data << 10) | remainder(data << 10, 0x537)) ^ 0x5412;
    for (let bit = 0; bit < 15; bit += 1) {
      const dark = (code >> bit) & 1;
      // around the upper left corner, stepping over the timing pattern
      if (bit < 8) this.put(8, bit < 6 ? bit : bit + 1, dark);
      else this.put(bit === 8 ? 7 : 14 - bit, 8, dark);
      // below the upper right one, and right of the lower left one
      if (bit < 8) this.put(this.size - 1 - bit, 8, dark);
      else this.put(8, this.size - 15 + bit, dark);
    }
    this.put(8, this.size - 8, true);
  }

  #version() {
    const code = (this.version << 12) | remainder(this.version << 12, 0x1f25);
    for (let bit = 0; bit < 18; bit += 1) {
      const [along, across] = [Math.floor(bit / 3), this.size - 11 + (bit % 3)];
      this.put(along, across, (code >> bit) & 1);
      this.put(across, along, (code >> bit) & 1);
    }
  }

  /** The places for data, in their order: pairs of columns, up and down. */
  *places() {
    let up = true;
    for (let right = this.size - 1; right > 0; right -= 2) {
      if (right === 6) right = 5; // the timing pattern has this column
      for (let step = 0; step < this.size; step += 1) {
        const y = up ? this.size - 1 - step : step;
        for (const x of [right, right - 1]) {
          if (!this.fixed[y * this.size + x]) yield y * this.size + x;
        }
      }
      up = !up;
    }
  }

  masked(rule) {
    const result = Uint8Array.from(this.dark);
    for (let y = 0, place = 0; y < this.size; y += 1) {
      for (let x = 0; x < this.size; x += 1, place += 1) {
        if (!this.fixed[place] && rule(x, y)) result[place] ^= 1;
      }
    }
    return result;
  }
}

/** The remainder of a division of polynomials over GF(2). */
function remainder(value, divisor) {
  const top = 31 - Math.clz32(divisor);
  while (value && 31 - Math.clz32(value) >= top) {
    value ^= divisor << (31 - Math.clz32(value) - top);
  }
  return value;
}

/** The middles of the alignment patterns (annex E). */
function alignments(version) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const last = 4 * version + 10;
  const even = 2 * Math.ceil((last - 6) / (count - 1) / 2);
  const step = version === 32 ? 26 : even;
  const lines = [6];
  for (let index = count - 2; index >= 0; index -= 1) lines.push(last - index * step);
  const middles = lines.flatMap((x) => lines.map((y) => [x, y]));
  return middles.filter(
    ([x, y]) => !((x === 6 && (y === 6 || y === last)) || (y === 6 && x === last)),
  );
}

// --- masks, and which one disturbs a reader least (section 7.8) -------------------------

const MASKS = [
  (x, y) => (x + y) % 2 === 0,
  (x, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(y / 2) + Math.floor(x / 3)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

function penaltyOf(dark, size) {
  let penalty = 0;
  const lines = [];
  for (let index = 0; index < size; index += 1) {
    const row = dark.subarray(index * size, (index + 1) * size);
    const column = row.map((_, y) => dark[y * size + index]);
    lines.push(row.join(""), column.join(""));
  }
  for (const line of lines) {
    for (const run of line.match(/0{5,}|1{5,}/g) ?? []) penalty += run.length - 2;
    // what looks like a finder pattern with light beside it; they may overlap
    penalty += 40 * [...line.matchAll(/(?=10111010000|00001011101)/g)].length;
  }
  for (let y = 1; y < size; y += 1) {
    for (let x = 1; x < size; x += 1) {
      const place = y * size + x;
      const sum = dark[place] + dark[place - 1] + dark[place - size]
        + dark[place - size - 1];
      if (sum % 4 === 0) penalty += 3;
    }
  }
  const share = dark.reduce((sum, each) => sum + each, 0) / dark.length;
  return penalty + 10 * Math.floor(Math.abs(share - 0.5) * 20);
}

// --- from bytes to the matrix --------------------------------------------------------------

function shape(version, level) {
  const matrix = new Matrix(version);
  const codewords = [...matrix.places()].length >> 3;
  const { check, blocks } = LEVELS[level];
  const checks = check[version - 1] * blocks[version - 1];
  return {
    matrix,
    check: check[version - 1],
    blocks: blocks[version - 1],
    data: codewords - checks,
  };
}

/** Bytes that fit, after the mode (4 bits) and the count. */
function roomOf(version, data) {
  return data - (version < 10 ? 2 : 3);
}

function framed(bytes, version, length) {
  const bits = [];
  const push = (value, count) => {
    for (let bit = count - 1; bit >= 0; bit -= 1) bits.push((value >> bit) & 1);
  };
  push(4, 4); // byte mode
  push(bytes.length, version < 10 ? 8 : 16);
  for (const each of bytes) push(each, 8);
  push(0, Math.min(4, length * 8 - bits.length)); // the end
  const result = new Uint8Array(length);
  bits.forEach((bit, place) => {
    result[place >> 3] |= bit << (7 - (place & 7));
  });
  for (let place = (bits.length + 7) >> 3, odd = true; place < length; place += 1) {
    result[place] = odd ? 0xec : 0x11;
    odd = !odd;
  }
  return result;
}

/** The codewords of every block, one of each in turn. */
function interleaved(data, { check, blocks }) {
  const short = Math.floor(data.length / blocks);
  const long = data.length % blocks; // so many have one more, the last ones
  const factors = generator(check);
  const parts = [];
  for (let index = 0, from = 0; index < blocks; index += 1) {
    const to = from + short + (index >= blocks - long ? 1 : 0);
    parts.push(data.subarray(from, to));
    from = to;
  }
  const checks = parts.map((part) => checkOf(part, factors));
  const result = [];
  for (const group of [parts, checks]) {
    const longest = group.at(-1).length;
    for (let place = 0; place < longest; place += 1) {
      for (const part of group) if (place < part.length) result.push(part[place]);
    }
  }
  return result;
}

/**
 * Return the code of bytes: its size, version and level, and whether a module is dark.
 * Throws TooLong.
 */
export function encode(bytes) {
  for (let version = 1; version <= VERSIONS; version += 1) {
    let level = "L";
    let chosen = shape(version, level);
    if (bytes.length > roomOf(version, chosen.data)) continue;
    const better = shape(version, "M");
    if (bytes.length <= roomOf(version, better.data)) [level, chosen] = ["M", better];
    return drawn(bytes, chosen, level);
  }
  throw new TooLong(`${bytes.length} bytes do not fit a QR code`);
}

function drawn(bytes, chosen, level) {
  const { matrix } = chosen;
  const { size, version } = matrix;
  const codewords = interleaved(framed(bytes, version, chosen.data), chosen);
  let bit = 0;
  for (const place of matrix.places()) {
    if (bit < codewords.length * 8) {
      matrix.dark[place] = (codewords[bit >> 3] >> (7 - (bit & 7))) & 1;
    }
    bit += 1;
  }
  let best;
  MASKS.forEach((rule, mask) => {
    matrix.format(LEVELS[level].bits, mask);
    const dark = matrix.masked(rule);
    const penalty = penaltyOf(dark, size);
    if (!best || penalty < best.penalty) best = { penalty, dark, mask };
  });
  const isDark = (x, y) => best.dark[y * size + x] === 1;
  return { size, version, level, mask: best.mask, isDark };
}

/** Return an SVG element that shows a code, with its quiet zone. */
export function draw(code, label) {
  const SVG = "http://www.w3.org/2000/svg";
  const whole = code.size + 8;
  const make = (name, attributes) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) {
      element.setAttribute(key, value);
    }
    return element;
  };
  const picture = make("svg", {
    viewBox: `0 0 ${whole} ${whole}`,
    "shape-rendering": "crispEdges",
    role: "img",
    "aria-label": label,
  });
  const runs = [];
  for (let y = 0; y < code.size; y += 1) {
    for (let x = 0; x < code.size; x += 1) {
      if (!code.isDark(x, y)) continue;
      const begin = x;
      while (x + 1 < code.size && code.isDark(x + 1, y)) x += 1;
      runs.push(`M${begin + 4} ${y + 4}h${x - begin + 1}v1h-${x - begin + 1}z`);
    }
  }
  picture.append(
    make("rect", { width: whole, height: whole, fill: "#fff" }),
    make("path", { d: runs.join(""), fill: "#000" }),
  );
  return picture;
}
