// The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding.

import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';

const ITERATIONS = 4096;

const hmac = (key, text) => createHmac('sha256', key).update(text).digest();
const sha256 = (bytes) => createHash('sha256').update(bytes).digest();

function xor(a, b) {
  return Buffer.from(a.map((byte, i) => byte ^ b[i]));
}

/** What a server keeps of a password: enough to check a proof, not to log in elsewhere. */
export function scramVerifier(password) {
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, ITERATIONS, 32, 'sha256');
  return {
    salt,
    storedKey: sha256(hmac(salted, 'Client Key')),
    serverKey: hmac(salted, 'Server Key'),
  };
}

/** One authentication exchange. Both steps return null when the client is to be refused. */
export class ScramExchange {
  #verifier;
  #header = '';
  #nonce = '';
  #transcript = '';

  constructor(verifier) {
    this.#verifier = verifier;
  }

  /** Takes client-first-message, returns server-first-message. */
  challenge(clientFirst) {
    const parsed = /^([ny],(?:a=[^,]*)?,)(n=[^,]*,r=([!-+\--~]+))$/.exec(clientFirst);
    if (!parsed) return null;
    const [, header, bare, clientNonce] = parsed;
    this.#header = header;
    this.#nonce = clientNonce + randomBytes(18).toString('base64');
    const salt = this.#verifier.salt.toString('base64');
    const serverFirst = `r=${this.#nonce},s=${salt},i=${ITERATIONS}`;
    this.#transcript = `${bare},${serverFirst}`;
    return serverFirst;
  }

  /** Takes client-final-message, returns server-final-message. */
  verify(clientFinal) {
    const parsed = /^(c=([^,]*),r=([^,]*)),p=([^,]*)$/.exec(clientFinal);
    if (!parsed) return null;
    const [, withoutProof, binding, nonce, proof] = parsed;
    if (Buffer.from(binding, 'base64').toString() !== this.#header) return null;
    if (nonce !== this.#nonce) return null;
    const transcript = `${this.#transcript},${withoutProof}`;
    const { storedKey, serverKey } = this.#verifier;
    const proofBytes = Buffer.from(proof, 'base64');
    if (proofBytes.length !== storedKey.length) return null;
    const clientKey = xor(proofBytes, hmac(storedKey, transcript));
    if (!timingSafeEqual(sha256(clientKey), storedKey)) return null;
    return `v=${hmac(serverKey, transcript).toString('base64')}`;
  }
}
