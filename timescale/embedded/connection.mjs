// One client: logs in, waits for its turn, and has its messages run by the engine.
//
// A turn lasts until the engine is idle outside a transaction. Portals therefore never meet those
// of another connection, and keep their names (a cursor's portal is named by SQL). It also lasts
// while the connection holds advisory locks of the session, which would exclude nobody otherwise.

import { randomInt } from 'node:crypto';
import { Login, LoginRefused } from './login.mjs';
import { requestedSettings } from './settings.mjs';
import { adapt, deallocateAll, engineName } from './sql.mjs';
import {
  FrameReader,
  ProtocolError,
  SYNC,
  backendKeyData,
  cstring,
  errorResponse,
  message,
  parameterStatus,
  readCString,
  readyForQuery,
} from './wire.mjs';

const LOGIN_TIMEOUT_MS = 30_000;
const AWAITED = 'SQFHX'; // Sync, Query, FunctionCall, Flush, Terminate: nothing may follow
const IGNORED = 'dcf'; // what is left of a COPY that was refused
const KNOWN = 'PBDEC' + AWAITED + IGNORED;
const [ERROR, STATEMENT] = [...'ES'].map((c) => c.charCodeAt(0));
const BATCH_BYTES = 8 * 1024 * 1024;
const SESSION_LOCK = /\bpg_(?:try_)?advisory_lock(?:_shared)?\b/i;
const HELD_LOCKS = "SELECT FROM pg_locks WHERE locktype = 'advisory' LIMIT 1";

const isAwaited = ({ type }) => AWAITED.includes(type);
const isFlush = ({ type }) => type === 'H';

/** The name of a message's statement or portal, and the bytes before and after it. */
function splitName(bytes, at) {
  const { text, end } = readCString(bytes, at);
  return { name: text, before: bytes.subarray(5, at), after: bytes.subarray(end) };
}

export class Connection {
  #server;
  #socket;
  #id;
  #prefix;
  #login;
  #reader = new FrameReader();
  #waiting = []; // messages not yet run
  #waitingBytes = 0;
  #awaited = 0; // how many of them the client waits for
  #profile = new Map();
  #changedSettings = false;
  #settingStatements = new Set(); // statements that change settings whenever they run
  #named = false; // has prepared a named statement
  #unnamedParse = null; // the last Parse without a name, and whether the engine still has it
  #unnamedInEngine = false;
  #mayLock = false; // has named a function that takes locks for the session
  #alive = true;
  #loginTimer;
  #idleTimer;

  constructor(server, socket, id) {
    this.#server = server;
    this.#socket = socket;
    this.#id = id;
    this.#prefix = `c${id}_`;
    this.#login = new Login(socket, server.verifier);
    this.#loginTimer = setTimeout(() => socket.destroy(), LOGIN_TIMEOUT_MS);
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#guard(() => this.#receive(chunk)));
    socket.on('drain', () => this.#guard(() => this.#proceed()));
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => this.#guard(() => this.#vanish()));
  }

  /** Called when the engine is this connection's. */
  takeTurn() {
    this.#guard(() => {
      if (!this.#alive) {
        this.#cleanUp();
        return;
      }
      this.#server.settings.apply(this.#profile);
      this.#unnamedInEngine = false;
      this.#run();
    });
  }

  /** Tells the client that the server goes down. */
  shutDown() {
    if (this.#alive) this.#refuse('57P01', 'terminating connection: the server shuts down');
  }

  #guard(action) {
    try {
      action();
    } catch (error) {
      if (error instanceof LoginRefused) this.#refuse(error.code, error.message);
      else if (error instanceof ProtocolError) this.#refuse('08P01', error.message);
      else this.#server.crashed(error);
    }
  }

  #refuse(code, text) {
    this.#socket.end(errorResponse('FATAL', code, text));
    this.#vanish();
  }

  #receive(chunk) {
    if (!this.#alive) return;
    this.#reader.push(chunk);
    if (this.#login && !this.#tryLogin()) return;
    for (let next = this.#reader.nextMessage(); next; next = this.#reader.nextMessage()) {
      if (!KNOWN.includes(next.type)) throw new ProtocolError(`unknown message "${next.type}"`);
      if (IGNORED.includes(next.type)) continue;
      this.#waiting.push(next);
      this.#waitingBytes += next.bytes.length;
      if (isAwaited(next)) this.#awaited += 1;
    }
    if (this.#waitingBytes > BATCH_BYTES) this.#socket.pause();
    this.#proceed();
  }

  #tryLogin() {
    const parameters = this.#login.advance(this.#reader);
    if (!parameters) return false;
    clearTimeout(this.#loginTimer);
    this.#login = null;
    this.#profile = requestedSettings(parameters);
    const facts = this.#server.settings.reported(this.#profile);
    this.#socket.write(
      Buffer.concat([
        ...facts.map(([name, value]) => parameterStatus(name, value)),
        backendKeyData(this.#id, randomInt(2 ** 31)),
        readyForQuery('I'),
      ]),
    );
    return true;
  }

  // A turn is asked for when there is something to answer, not for the first half of a pipeline.
  #proceed() {
    if (!this.#alive || this.#login || !this.#hasWork() || this.#socket.writableNeedDrain) return;
    if (this.#server.turns.holds(this)) this.#run();
    else this.#server.turns.request(this);
  }

  #hasWork() {
    return this.#awaited > 0 || this.#waitingBytes > BATCH_BYTES;
  }

  #run() {
    clearTimeout(this.#idleTimer);
    const { turns, idleMs } = this.#server;
    while (this.#alive && this.#hasWork() && !this.#socket.writableNeedDrain) {
      this.#runBatch();
      if (turns.contended && this.#idle) break;
    }
    if (!this.#alive) return;
    this.#socket.resume();
    if (this.#idle) this.#endTurn();
    else if (idleMs > 0) {
      this.#idleTimer = setTimeout(() => this.#guard(() => this.#expire()), idleMs);
    }
  }

  get #idle() {
    const { engine } = this.#server;
    if (!engine.ready || engine.status !== 'I') return false;
    return !(this.#mayLock && engine.query(HELD_LOCKS).length > 0);
  }

  #endTurn() {
    if (this.#changedSettings) this.#profile = this.#server.settings.capture();
    this.#changedSettings = false;
    this.#server.turns.release(this);
    this.#proceed();
  }

  /** Runs the messages up to the next one that the client waits for. */
  #runBatch() {
    const end = this.#waiting.findIndex(isAwaited) + 1 || this.#waiting.length;
    const batch = this.#waiting.splice(0, end);
    const last = batch.at(-1);
    if (isAwaited(last)) this.#awaited -= 1;
    for (const { bytes } of batch) this.#waitingBytes -= bytes.length;
    const leaves = last.type === 'X';
    if (leaves) batch.pop();
    // A Flush after a Sync has nothing to flush, and no answer that would end the turn.
    if (batch.length > 0 && !(this.#server.engine.ready && batch.every(isFlush))) {
      const messages = batch.flatMap((one) => this.#translate(one));
      this.#socket.write(this.#server.engine.exchange(Buffer.concat(messages)));
    }
    if (leaves) {
      this.#socket.end();
      this.#vanish();
    }
  }

  /** The messages to run for one of the client's: its names made its own, its SQL adapted. */
  #translate({ type, bytes }) {
    switch (type) {
      case 'Q':
        return [this.#translateQuery(bytes)];
      case 'P':
        return [this.#translateParse(bytes)];
      case 'B': {
        const { end } = readCString(bytes, 5);
        return this.#withStatement('B', bytes, end);
      }
      case 'D':
      case 'C':
        return bytes[5] === STATEMENT ? this.#withStatement(type, bytes, 6) : [bytes];
      default:
        return [bytes];
    }
  }

  #translateQuery(bytes) {
    const { text } = readCString(bytes, 5);
    const { sql, changesSettings } = this.#adapt(text);
    this.#changedSettings ||= changesSettings;
    this.#unnamedParse = null; // a simple query drops the unnamed statement
    return sql === text ? bytes : message('Q', cstring(sql));
  }

  #translateParse(bytes) {
    const { name, after } = splitName(bytes, 5);
    const { text, end } = readCString(after, 0);
    const { sql, changesSettings } = this.#adapt(text);
    if (changesSettings) this.#settingStatements.add(name);
    else this.#settingStatements.delete(name);
    const parse = message('P', cstring(this.#rename(name)), cstring(sql), after.subarray(end));
    if (name) this.#named = true;
    else {
      this.#unnamedParse = parse;
      this.#unnamedInEngine = true;
    }
    return parse;
  }

  #withStatement(type, bytes, at) {
    const { name, before, after } = splitName(bytes, at);
    if (type === 'B' && this.#settingStatements.has(name)) this.#changedSettings = true;
    if (!name) {
      this.#restoreUnnamed();
      return [bytes];
    }
    return [message(type, before, cstring(this.#rename(name)), after)];
  }

  #adapt(sql) {
    this.#mayLock ||= SESSION_LOCK.test(sql);
    return adapt(sql, this.#prefix);
  }

  #rename(name) {
    return name && engineName(this.#prefix, name);
  }

  // Other connections had the engine since this one prepared its unnamed statement.
  #restoreUnnamed() {
    if (this.#unnamedInEngine || !this.#unnamedParse) return;
    this.#unnamedInEngine = true;
    const answer = this.#server.engine.exchange(this.#unnamedParse);
    if (answer[0] === ERROR) this.#socket.write(answer); // else ParseComplete, not asked for
  }

  #expire() {
    this.#refuse('25P03', 'terminating connection due to idle-in-transaction timeout');
  }

  /** The client is gone, or sent away: what it left in the engine is undone at its turn. */
  #vanish() {
    if (!this.#alive) return;
    this.#alive = false;
    clearTimeout(this.#loginTimer);
    clearTimeout(this.#idleTimer);
    this.#server.forget(this);
    const { turns } = this.#server;
    if (turns.holds(this)) this.#cleanUp();
    else if (this.#named) turns.request(this);
    else turns.release(this);
  }

  #cleanUp() {
    const { engine, turns } = this.#server;
    try {
      if (!engine.ready) engine.exchange(SYNC);
      if (engine.status !== 'I') engine.query('ROLLBACK');
      if (this.#mayLock) engine.query('SELECT pg_advisory_unlock_all()');
      if (this.#named) engine.query(deallocateAll(this.#prefix));
      if (this.#changedSettings) this.#server.settings.capture();
    } finally {
      turns.release(this);
    }
  }
}

