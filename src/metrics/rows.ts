/** The machinery every table stands on: dense rows, found by a pair of numbers, with columns beside them. */

import { log2Ceil } from "./log2.js";

const initialCapacity = 16;

/** Bytes of a row beside its columns: subject, detail, two neighbours, two slots of the hash. */
const keyBytes = 6 * 4;

/** A removal leaves a table that is emptier than this share of its capacity half as large. */
const shrinkBelow = 1 / 8;

/** Numbers kept for each row: row `r` owns `data[r * stride]` up to, not including, `data[(r + 1) * stride]`. */
export interface Column {
  /** Replaced when the table grows or shrinks: fetch it anew after any insertion or removal. */
  data: Float64Array;
  readonly stride: number;
}

/**
 * Where a key's search begins among 2^k slots, `mask` being 2^k - 1: the top k bits of a sum of odd multiples (Fibonacci hashing).
 * Dense ids, which tables have, hardly ever collide, and strided ids fare no worse than random ones.
 */
function homeSlot(subject: number, detail: number, mask: number): number {
  return (Math.imul(subject, 0x9e3779b1) + Math.imul(detail, 0x85ebca6b)) >>> Math.clz32(mask);
}

function resized<T extends Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from.subarray(0, Math.min(from.length, to.length)));
  return to;
}

/**
 * Rows keyed by (subject, detail), numbered 0 … size - 1 without gaps. Open addressing with linear probing finds a row; a list
 * per subject makes removing one cost as many steps as it has rows. A removed row is replaced by the last one, so a row number
 * holds only until the next removal. Both ids must be small (a {@link Dimension} gives such): subjects index an array.
 */
export class KeyedRows {
  #size = 0;
  #subjects = new Uint32Array(initialCapacity);
  #details = new Uint32Array(initialCapacity);
  /** Row + 1 by hash, 0 where empty; a power of two, never more than half full. */
  #slots = new Uint32Array(2 * initialCapacity);
  /** Row + 1 of a subject's first row, by subject; 0 for none. */
  #first = new Uint32Array(initialCapacity);
  /** Row + 1 of the neighbours in the subject's list, by row; 0 at either end. */
  #next = new Uint32Array(initialCapacity);
  #previous = new Uint32Array(initialCapacity);
  readonly #columns: Column[] = [];

  /** Adds a column of `stride` numbers a row, all 0. */
  addColumn(stride: number): Column {
    const column: Column = { data: new Float64Array(this.#subjects.length * stride), stride };
    this.#columns.push(column);
    return column;
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes that so many rows take at the most. */
  memoryOf(rows: number): number {
    const columnBytes = this.#columns.reduce((bytes, { stride }) => bytes + 8 * stride, 0);
    return 2 ** log2Ceil(rows) * (keyBytes + columnBytes);
  }

  subjectAt(row: number): number {
    return this.#subjects[row] as number;
  }

  detailAt(row: number): number {
    return this.#details[row] as number;
  }

  /** The row of a key, or -1. */
  find(subject: number, detail: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = homeSlot(subject, detail, mask); ; slot = (slot + 1) & mask) {
      const row = (slots[slot] as number) - 1;
      if (row < 0 || (this.#subjects[row] === subject && this.#details[row] === detail)) {
        return row;
      }
    }
  }

  /** A subject's first row, or -1; {@link next} gives the others. */
  first(subject: number): number {
    return (this.#first[subject] ?? 0) - 1;
  }

  /** The row after this one of the same subject, or -1. */
  next(row: number): number {
    return (this.#next[row] as number) - 1;
  }

  /** Appends a row for a key that has none yet; its columns are 0. */
  insert(subject: number, detail: number): number {
    if (this.#size === this.#subjects.length) {
      this.#resize(2 * this.#size);
    }
    const row = this.#size++;
    this.#subjects[row] = subject;
    this.#details[row] = detail;
    this.#occupy(row);
    this.#link(row, subject);
    return row;
  }

  /** Removes every row of a subject; other rows may get new numbers. Returns how many went. */
  removeSubject(subject: number): number {
    const before = this.#size;
    for (let entry = this.#first[subject] ?? 0; entry !== 0; entry = this.#first[subject] as number) {
      this.#removeFirst(entry - 1);
    }
    const capacity = this.#subjects.length;
    if (this.#size < before && capacity > initialCapacity && this.#size < capacity * shrinkBelow) {
      this.#resize(capacity / 2);
    }
    return before - this.#size;
  }

  /** Removes a row that is the first of its subject. */
  #removeFirst(row: number): void {
    this.#vacate(this.#slotOf(row));
    this.#unlinkFirst(row);
    const last = --this.#size;
    if (row !== last) {
      this.#move(last, row);
    }
    for (const { data, stride } of this.#columns) {
      data.fill(0, last * stride, (last + 1) * stride);
    }
  }

  /** The slot that holds a row which is in the hash. */
  #slotOf(row: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = homeSlot(this.subjectAt(row), this.detailAt(row), mask);
    while (slots[slot] !== row + 1) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #occupy(row: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = homeSlot(this.subjectAt(row), this.detailAt(row), mask);
    while (slots[slot] !== 0) {
      slot = (slot + 1) & mask;
    }
    slots[slot] = row + 1;
  }

  /** Empties a slot and shifts back every later entry of the cluster that would no longer be reached. */
  #vacate(slot: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = slot;
    for (let probe = (hole + 1) & mask; slots[probe] !== 0; probe = (probe + 1) & mask) {
      const row = (slots[probe] as number) - 1;
      const home = homeSlot(this.subjectAt(row), this.detailAt(row), mask);
      if (((probe - home) & mask) >= ((probe - hole) & mask)) {
        slots[hole] = row + 1;
        hole = probe;
      }
    }
    slots[hole] = 0;
  }

  #link(row: number, subject: number): void {
    if (subject >= this.#first.length) {
      this.#first = resized(this.#first, new Uint32Array(Math.max(2 * this.#first.length, subject + 1)));
    }
    const second = this.#first[subject] as number;
    this.#previous[row] = 0;
    this.#next[row] = second;
    if (second !== 0) {
      this.#previous[second - 1] = row + 1;
    }
    this.#first[subject] = row + 1;
  }

  /** Takes a subject's first row out of its list. */
  #unlinkFirst(row: number): void {
    const second = this.#next[row] as number;
    this.#first[this.subjectAt(row)] = second;
    if (second !== 0) {
      this.#previous[second - 1] = 0;
    }
  }

  /** Puts row `from` in the place of `to`, which is in neither the hash nor a list. */
  #move(from: number, to: number): void {
    this.#slots[this.#slotOf(from)] = to + 1;
    const previous = this.#previous[from] as number;
    const next = this.#next[from] as number;
    if (previous === 0) {
      this.#first[this.subjectAt(from)] = to + 1;
    } else {
      this.#next[previous - 1] = to + 1;
    }
    if (next !== 0) {
      this.#previous[next - 1] = to + 1;
    }
    for (const keys of [this.#subjects, this.#details, this.#next, this.#previous]) {
      keys[to] = keys[from] as number;
    }
    for (const { data, stride } of this.#columns) {
      data.copyWithin(to * stride, from * stride, (from + 1) * stride);
    }
  }

  #resize(capacity: number): void {
    this.#subjects = resized(this.#subjects, new Uint32Array(capacity));
    this.#details = resized(this.#details, new Uint32Array(capacity));
    this.#next = resized(this.#next, new Uint32Array(capacity));
    this.#previous = resized(this.#previous, new Uint32Array(capacity));
    for (const column of this.#columns) {
      column.data = resized(column.data, new Float64Array(capacity * column.stride));
    }
    this.#slots = new Uint32Array(2 * capacity);
    for (let row = 0; row < this.#size; row++) {
      this.#occupy(row);
    }
  }
}
