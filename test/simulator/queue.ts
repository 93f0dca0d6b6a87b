/** Processes items one at a time, in the order of arrival. */
export class Queue<T> {
  private items: T[] = []
  private next = 0
  private busy = false

  constructor(private readonly work: (item: T) => Promise<void> | void) {}

  push(item: T): void {
    this.items.push(item)
    if (!this.busy) void this.run()
  }

  private async run(): Promise<void> {
    this.busy = true
    while (this.next < this.items.length) {
      const item = this.items[this.next++]!
      if (this.next === this.items.length || this.next > 1024) {
        this.items = this.items.slice(this.next)
        this.next = 0
      }

      // Await only real promises, so that a thousand reads do not take a thousand turns of the event loop.
      const working = this.work(item)
      if (working) await working
    }

    this.busy = false
  }
}
