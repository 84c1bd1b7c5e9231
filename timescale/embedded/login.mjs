// A connection from its first byte until it is logged in.

import { ScramExchange } from './scram.mjs';
import {
  CANCEL_REQUEST,
  GSSENC_REQUEST,
  PROTOCOL_3,
  ProtocolError,
  SSL_REQUEST,
  authentication,
  cstring,
  int32,
  readCString,
  startupParameters,
} from './wire.mjs';

const MECHANISM = 'SCRAM-SHA-256';
const USER = 'postgres';
const MAX_LOGIN_MESSAGE = 10_000;
const AUTHENTICATION = { ok: 0, sasl: 10, saslContinue: 11, saslFinal: 12 };

/** The client is to be told and sent away. */
export class LoginRefused extends Error {
  constructor(code, text) {
    super(text);
    this.code = code;
  }
}

/** Steps through the handshake as its messages arrive. */
export class Login {
  #scram;
  #socket;
  #step = 'startup';
  #parameters;

  constructor(socket, verifier) {
    this.#socket = socket;
    this.#scram = new ScramExchange(verifier);
  }

  /** Takes what has arrived; returns the start-up parameters when logged in, else null. */
  advance(reader) {
    while (this.#step !== 'done') {
      const going = this.#step === 'startup' ? this.#startup(reader) : this.#authenticate(reader);
      if (!going) return null;
    }
    return this.#parameters;
  }

  #startup(reader) {
    const packet = reader.nextStartup();
    if (!packet) return false;
    switch (packet.code) {
      case SSL_REQUEST:
      case GSSENC_REQUEST:
        this.#socket.write('N');
        return true;
      case CANCEL_REQUEST: // the engine cannot be interrupted; PostgreSQL gives no answer either
        this.#socket.end();
        return false;
      default:
        return this.#welcome(packet);
    }
  }

  #welcome({ code, body }) {
    if (code >>> 16 !== PROTOCOL_3 >>> 16) {
      throw new LoginRefused('0A000', 'this server speaks version 3 of the protocol only');
    }
    this.#parameters = startupParameters(body);
    if (this.#parameters.has('replication')) {
      throw new LoginRefused('0A000', 'the embedded server has no replication');
    }
    this.#negotiateVersion(code);
    this.#socket.write(
      authentication(AUTHENTICATION.sasl, cstring(MECHANISM), Buffer.from([0])),
    );
    this.#step = 'mechanism';
    return true;
  }

  #negotiateVersion(code) {
    if (code === PROTOCOL_3) return;
    // NegotiateProtocolVersion: minor version 0, no protocol options known.
    const unknown = [...this.#parameters.keys()].filter((name) => name.startsWith('_pq_.'));
    const body = Buffer.concat([int32(0), int32(unknown.length), ...unknown.map(cstring)]);
    this.#socket.write(Buffer.concat([Buffer.from('v'), int32(body.length + 4), body]));
  }

  #authenticate(reader) {
    const message = reader.nextMessage(MAX_LOGIN_MESSAGE);
    if (!message) return false;
    if (message.type !== 'p') throw new ProtocolError('expected a password message');
    if (this.#step === 'mechanism') this.#challenge(message.bytes);
    else this.#check(message.bytes);
    return true;
  }

  #challenge(bytes) {
    const { text: mechanism, end } = readCString(bytes, 5);
    const reply = this.#scram.challenge(bytes.toString('utf8', end + 4));
    if (mechanism !== MECHANISM || !reply) throw new ProtocolError('malformed SCRAM message');
    this.#socket.write(authentication(AUTHENTICATION.saslContinue, Buffer.from(reply)));
    this.#step = 'proof';
  }

  #check(bytes) {
    const reply = this.#scram.verify(bytes.toString('utf8', 5));
    const user = this.#parameters.get('user') ?? '';
    if (!reply || user !== USER) {
      throw new LoginRefused('28P01', `password authentication failed for user "${user}"`);
    }
    this.#socket.write(
      Buffer.concat([
        authentication(AUTHENTICATION.saslFinal, Buffer.from(reply)),
        authentication(AUTHENTICATION.ok),
      ]),
    );
    this.#step = 'done';
  }
}
