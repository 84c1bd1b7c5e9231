// The embedded TimescaleDB server: one engine, served to many connections in turn.
//
// Prints one JSON line on stdout when it is ready; one line on stderr when it fails.

import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Connection } from './connection.mjs';
import { DATABASE, EngineCrash, QueryFailed, openEngine } from './engine.mjs';
import { Locked, acquireLock, releaseLock } from './lock.mjs';
import { scramVerifier } from './scram.mjs';
import { Settings } from './settings.mjs';
import { Turns } from './turns.mjs';
import { errorResponse } from './wire.mjs';

const MAX_CONNECTIONS = 200;
const CHECKPOINT_CHECK_MS = 1000;
const CHECKPOINT_BYTES = 64 * 1024 * 1024;
const WAL_SINCE_CHECKPOINT =
  'SELECT pg_current_wal_lsn() - redo_lsn FROM pg_control_checkpoint()';
const PASSWORD_VARIABLE = 'CATALYST_TIMESCALE_PASSWORD';
const EXIT = { failed: 1, locked: 3, portInUse: 4, crashed: 70 };

const { values: options } = parseArgs({
  options: {
    'engine': { type: 'string' },
    'data-dir': { type: 'string' },
    'host': { type: 'string', default: '127.0.0.1' },
    'port': { type: 'string', default: '0' },
    'idle-in-transaction-timeout': { type: 'string', default: '60' },
    'exit-with-parent': { type: 'boolean', default: false },
  },
});

const dataDir = options['data-dir'];
const lockPath = join(dataDir, 'server.lock');
const addressPath = join(dataDir, 'server.json');
const log = (line) => process.stderr.write(`${line}\n`);

let locked = false;

function die(code, text) {
  log(`embedded TimescaleDB: ${text.split('\n')[0]}`);
  leave(code);
}

function leave(code) {
  if (locked) {
    rmSync(addressPath, { force: true });
    releaseLock(lockPath);
  }
  process.exit(code);
}

/** The password given, the stored one, or a new one. Only the holder of the lock may ask. */
function keptPassword() {
  const path = join(dataDir, 'password');
  const given = process.env[PASSWORD_VARIABLE];
  if (!given && existsSync(path)) return readFileSync(path, 'utf8').trim();
  const password = given || randomBytes(24).toString('base64url');
  writeFileSync(path, password, { mode: 0o600 });
  chmodSync(path, 0o600);
  return password;
}

function listen(server) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(Number(options.port), options.host, () => resolve(server.address().port));
  });
}

/** What the connections share. */
class Server {
  turns = new Turns();
  idleMs = Number(options['idle-in-transaction-timeout']) * 1000;
  #connections = new Set();
  #count = 0;
  #checkpoints;

  constructor(engine, verifier) {
    this.engine = engine;
    this.verifier = verifier;
    this.settings = new Settings(engine);
    this.#checkpoints = setInterval(() => this.turns.request(this), CHECKPOINT_CHECK_MS);
  }

  accept(socket) {
    if (this.#connections.size >= MAX_CONNECTIONS) {
      socket.end(errorResponse('FATAL', '53300', 'too many connections'));
      return;
    }
    this.#count += 1;
    this.#connections.add(new Connection(this, socket, this.#count));
  }

  forget(connection) {
    this.#connections.delete(connection);
  }

  crashed(error) {
    die(EXIT.crashed, `the engine stopped: ${error.message}`);
  }

  // There is no checkpointer in a single process: without this the WAL would grow for ever.
  takeTurn() {
    try {
      const [[bytes]] = this.engine.query(WAL_SINCE_CHECKPOINT);
      if (Number(bytes) > CHECKPOINT_BYTES) this.engine.query('CHECKPOINT');
    } catch (error) {
      if (!(error instanceof QueryFailed)) this.crashed(error);
      log(`embedded TimescaleDB: no checkpoint: ${error.message}`); // tried again next time
    }
    this.turns.release(this);
  }

  /** Rolls back what is open, says good-bye and closes the engine. */
  async stop() {
    clearInterval(this.#checkpoints);
    for (const connection of [...this.#connections]) connection.shutDown();
    this.turns.close();
    await this.engine.close();
    leave(0);
  }
}

async function main() {
  const began = performance.now();
  acquireLock(lockPath);
  locked = true;
  const verifier = scramVerifier(keptPassword());
  const listener = createServer();
  const ready = Promise.withResolvers();
  listener.on('connection', (socket) => ready.promise.then((server) => server.accept(socket)));
  const port = await listen(listener);
  const engine = await openEngine(options.engine, join(dataDir, 'pgdata'), DATABASE, log);
  engine.query("LOAD 'timescaledb'"); // on existing data, inserts fail without it
  const server = new Server(engine, verifier);
  ready.resolve(server);
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    listener.close();
    server.stop().catch((error) => server.crashed(error));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  if (options['exit-with-parent']) process.stdin.once('end', stop).resume();
  const address = { host: options.host, port, pid: process.pid };
  writeFileSync(addressPath, JSON.stringify(address), { mode: 0o600 });
  const seconds = Math.round(performance.now() - began) / 1000;
  process.stdout.write(`${JSON.stringify({ ready: true, ...address, seconds })}\n`);
}

process.on('uncaughtException', (error) => die(EXIT.crashed, `a fault: ${error.message}`));

main().catch((error) => {
  if (error instanceof EngineCrash) die(EXIT.crashed, `the engine stopped: ${error.message}`);
  if (error instanceof Locked) die(EXIT.locked, `${dataDir} is in use: ${error.message}`);
  if (error.code === 'EADDRINUSE') die(EXIT.portInUse, `port ${options.port} is in use`);
  die(EXIT.failed, error.message);
});
