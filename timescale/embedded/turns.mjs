// Who may use the engine: one holder at a time, in order of asking.

export class Turns {
  #holder = null;
  #waiting = [];
  #granting = null;
  #closed = false;

  get contended() {
    return this.#waiting.length > 0;
  }

  /** Whether it is this one's turn, which begins with the call of its `takeTurn()`. */
  holds(holder) {
    return this.#holder === holder;
  }

  /** Calls `holder.takeTurn()` when its turn has come; asking twice changes nothing. */
  request(holder) {
    if (this.#holder === holder || this.#waiting.includes(holder)) return;
    this.#waiting.push(holder);
    this.#next();
  }

  /** Gives the turn back, or the place in the queue. */
  release(holder) {
    if (this.#holder === holder) this.#holder = null;
    else this.#waiting = this.#waiting.filter((other) => other !== holder);
    this.#next();
  }

  /** Nobody gets a turn from now on. */
  close() {
    this.#closed = true;
  }

  #next() {
    if (this.#holder || this.#granting || this.#waiting.length === 0) return;
    // The engine blocks the event loop: between two turns, sockets and signals get their chance.
    this.#granting = setImmediate(() => {
      this.#granting = null;
      if (this.#closed || this.#waiting.length === 0) return;
      this.#holder = this.#waiting.shift();
      this.#holder.takeTurn();
    });
  }
}
