/**
 * A binary heap whose items know their place, so that any of them can be taken out.
 *
 * Taking out beats leaving dead entries behind: a run that parks for a month and is woken every second would leave
 * a month of them.
 */

/** Written by the heap alone. An item is in at most one heap. */
export interface HeapItem {
  heapIndex: number;
}

export class Heap<T extends HeapItem> {
  readonly #items: T[] = [];
  readonly #isBefore: (left: T, right: T) => boolean;

  constructor(isBefore: (left: T, right: T) => boolean) {
    this.#isBefore = isBefore;
  }

  first(): T | undefined {
    return this.#items[0];
  }

  add(item: T): void {
    item.heapIndex = this.#items.length;
    this.#items.push(item);
    this.#rise(item);
  }

  remove(item: T): void {
    const last = this.#items.pop()!;
    if (last === item) return;
    this.#place(last, item.heapIndex);
    this.#rise(last);
    this.#sink(last);
  }

  #rise(item: T): void {
    while (item.heapIndex > 0) {
      const parentIndex = (item.heapIndex - 1) >> 1;
      const parent = this.#items[parentIndex]!;
      if (!this.#isBefore(item, parent)) return;
      this.#place(parent, item.heapIndex);
      this.#place(item, parentIndex);
    }
  }

  #sink(item: T): void {
    for (;;) {
      const left = this.#items[2 * item.heapIndex + 1];
      const right = this.#items[2 * item.heapIndex + 2];
      const child = left && right && this.#isBefore(right, left) ? right : left;
      if (!child || !this.#isBefore(child, item)) return;
      const index = child.heapIndex;
      this.#place(child, item.heapIndex);
      this.#place(item, index);
    }
  }

  #place(item: T, index: number): void {
    this.#items[index] = item;
    item.heapIndex = index;
  }
}
