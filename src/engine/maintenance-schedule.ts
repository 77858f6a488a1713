/** When maintenance may leave something for later: while little happens. */

/**
 * So many records in the time that is waited at the most are little: each process that begins is two or three, and makes some sixty calls that have
 * lines of their own, in a map for 32,768 of them.
 */
const few = 256;

/** It waits for the fifth maintenance, one a second: well before an ended process expires, whose counts are still to be read. */
const longest = 5;

/** Counts records between one whole maintenance and the next. */
export class Calm {
  #records = 0;
  #maintenances = 0;

  /** So many records have been drained. */
  drained(records: number): void {
    this.#records += records;
  }

  /** To be asked once by each maintenance: may it leave out what may wait? When not, the count begins anew. */
  mayWait(): boolean {
    this.#maintenances++;
    if (this.#records < few && this.#maintenances < longest) {
      return true;
    }
    this.#records = 0;
    this.#maintenances = 0;
    return false;
  }
}
