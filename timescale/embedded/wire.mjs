// The PostgreSQL wire protocol, version 3: framing, and the messages the front itself speaks.

const LENGTH_BYTES = 4;
const MAX_STARTUP_BYTES = 10_000;
const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;

export const PROTOCOL_3 = 0x00030000;
export const CANCEL_REQUEST = 80877102;
export const SSL_REQUEST = 80877103;
export const GSSENC_REQUEST = 80877104;

/** A violation of the protocol after which the byte stream cannot be trusted any more. */
export class ProtocolError extends Error {}

/** Cuts a byte stream into messages; the first ones (start-up packets) carry no type byte. */
export class FrameReader {
  #chunks = [];
  #size = 0;

  get buffered() {
    return this.#size;
  }

  push(chunk) {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
  }

  /** The next start-up packet as `{code, body}`, or null while it is incomplete. */
  nextStartup() {
    const packet = this.#take(0, MAX_STARTUP_BYTES);
    if (!packet) return null;
    if (packet.length < 8) throw new ProtocolError('the start-up packet is too short');
    return { code: packet.readUInt32BE(LENGTH_BYTES), body: packet.subarray(8) };
  }

  /** The next typed message as `{type, bytes}` (bytes with header), or null while incomplete. */
  nextMessage(maxBytes = MAX_MESSAGE_BYTES) {
    const bytes = this.#take(1, maxBytes);
    return bytes && { type: String.fromCharCode(bytes[0]), bytes };
  }

  #take(headerBytes, maxBytes) {
    const head = headerBytes + LENGTH_BYTES;
    if (this.#size < head) return null;
    this.#joinFirst(head);
    const length = this.#chunks[0].readUInt32BE(headerBytes);
    if (length < LENGTH_BYTES || length > maxBytes) {
      throw new ProtocolError(`invalid message length ${length}`);
    }
    const total = headerBytes + length;
    if (this.#size < total) return null;
    this.#joinFirst(total);
    const first = this.#chunks[0];
    if (first.length === total) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(total);
    this.#size -= total;
    return first.subarray(0, total);
  }

  // Joined only when a whole message is there: joining on every chunk would be quadratic.
  #joinFirst(bytes) {
    if (this.#chunks[0].length < bytes) this.#chunks = [Buffer.concat(this.#chunks)];
  }
}

/** One message: a type character and its body parts. */
export function message(type, ...parts) {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(1 + LENGTH_BYTES);
  head[0] = type.charCodeAt(0);
  head.writeInt32BE(body.length + LENGTH_BYTES, 1);
  return Buffer.concat([head, body]);
}

export const cstring = (text) => Buffer.from(`${text}\0`);

export function int32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export const query = (sql) => message('Q', cstring(sql));
export const SYNC = message('S');
export const authentication = (code, ...parts) => message('R', int32(code), ...parts);
export const parameterStatus = (name, value) => message('S', cstring(name), cstring(value));
export const backendKeyData = (pid, secret) => message('K', int32(pid), int32(secret));
export const readyForQuery = (status) => message('Z', Buffer.from(status));

export function errorResponse(severity, code, text) {
  const fields = [`S${severity}`, `V${severity}`, `C${code}`, `M${text}`];
  return message('E', ...fields.map(cstring), Buffer.from([0]));
}

/** The zero-terminated strings of a start-up packet as a map. */
export function startupParameters(body) {
  const words = body.toString('utf8').split('\0');
  const parameters = new Map();
  for (let i = 0; i + 1 < words.length && words[i]; i += 2) parameters.set(words[i], words[i + 1]);
  return parameters;
}

/** Reads the string that starts at `offset`; `end` is the offset after its zero byte. */
export function readCString(bytes, offset) {
  const zero = bytes.indexOf(0, offset);
  if (zero < 0) throw new ProtocolError('a string without an end');
  return { text: bytes.toString('utf8', offset, zero), end: zero + 1 };
}

/** Iterates over the complete messages in a buffer as `{type, start, end}`. */
export function* messagesIn(buffer) {
  for (let start = 0; start < buffer.length; ) {
    const end = start + 1 + buffer.readUInt32BE(start + 1);
    yield { type: buffer[start], start, end };
    start = end;
  }
}

/** The fields of an ErrorResponse or NoticeResponse by their letter. */
export function errorFields(bytes) {
  const fields = {};
  for (let at = 5; at < bytes.length && bytes[at] !== 0; ) {
    const { text, end } = readCString(bytes, at + 1);
    fields[String.fromCharCode(bytes[at])] = text;
    at = end;
  }
  return fields;
}

/** The columns of a DataRow as strings (null for NULL). */
export function dataRow(bytes) {
  const columns = [];
  let at = 7;
  for (let left = bytes.readUInt16BE(5); left > 0; left -= 1) {
    const length = bytes.readInt32BE(at);
    at += 4;
    columns.push(length < 0 ? null : bytes.toString('utf8', at, at + length));
    at += Math.max(length, 0);
  }
  return columns;
}
