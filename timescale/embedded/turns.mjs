// Who may use the engine: one holder at a time, in order of asking.

export class Turns {
  #holder = null;
  #waiting = [];

  get contended() {
    return this.#waiting.length > 0;
  }

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

  #next() {
    if (this.#holder || this.#waiting.length === 0) return;
    this.#holder = this.#waiting.shift();
    const holder = this.#holder;
    // The engine blocks the event loop: between two turns, sockets and signals get their chance.
    setImmediate(() => {
      if (this.#holder === holder) holder.takeTurn();
    });
  }
}
