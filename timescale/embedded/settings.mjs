// Session settings per connection, on an engine that has one session for all.
//
// A connection that changed settings leaves a profile (name -> value). When another connection
// takes over, the session is reset and its profile applied; equal profiles cost nothing.

import { BASE } from './base.mjs';
import { QueryFailed } from './engine.mjs';

const REPORTED = [
  'server_version', 'server_encoding', 'client_encoding', 'application_name', 'is_superuser',
  'session_authorization', 'DateStyle', 'IntervalStyle', 'TimeZone', 'integer_datetimes',
  'standard_conforming_strings', 'in_hot_standby', 'default_transaction_read_only',
];
const NOT_SETTINGS = new Set(['user', 'database', 'replication', 'options']);
const RESET = `RESET ROLE; RESET SESSION AUTHORIZATION; RESET ALL; ${BASE}`;
// Who one is comes last: after it, some of the settings could not be set any more.
const SNAPSHOT = `
  SELECT name, current_setting(name) FROM (
    SELECT 1 AS place, name FROM pg_settings
     WHERE source = 'session' AND context IN ('user', 'superuser')
    UNION ALL SELECT 2, 'session_authorization' WHERE session_user <> 'postgres'
    UNION ALL SELECT 3, 'role' WHERE current_setting('role') <> 'none') changed
  ORDER BY place, name`;

const literal = (text) => `'${text.replaceAll("'", "''")}'`;
const asText = (profile) => JSON.stringify([...profile]);

/** The settings that a start-up packet asks for, from its parameters and its `options`. */
export function requestedSettings(parameters) {
  const settings = new Map();
  for (const [name, value] of parameters) {
    if (!NOT_SETTINGS.has(name) && !name.startsWith('_pq_.')) settings.set(name, value);
  }
  const options = parameters.get('options') ?? '';
  for (const [, name, value] of options.matchAll(/(?:-c\s*|--)([\w.-]+)=((?:\\.|\S)*)/g)) {
    settings.set(name.replaceAll('-', '_'), value.replaceAll(/\\(.)/g, '$1'));
  }
  return settings;
}

export class Settings {
  #engine;
  #base;
  #facts;
  #current = asText(new Map());

  constructor(engine) {
    this.#engine = engine;
    engine.query(RESET);
    this.#base = new Map(engine.query(SNAPSHOT));
    const names = REPORTED.map(literal).join(',');
    this.#facts = engine.query(
      `SELECT name, coalesce(current_setting(name, true), '') FROM unnest(ARRAY[${names}]) name`,
    );
  }

  /** What a client is told when it logs in, as [name, value] pairs. */
  reported(requested) {
    const asked = new Map([...requested].map(([name, value]) => [name.toLowerCase(), value]));
    return this.#facts.map(([name, value]) => [name, asked.get(name.toLowerCase()) ?? value]);
  }

  /** Puts a connection's profile in force. Settings that the engine refuses are left out. */
  apply(profile) {
    const wanted = asText(profile);
    if (wanted === this.#current) return;
    this.#engine.query(RESET);
    for (const [name, value] of profile) this.#set(name, value);
    this.#current = wanted;
  }

  /** The profile that the session has now, to be applied at the connection's next turn. */
  capture() {
    const changed = this.#engine
      .query(SNAPSHOT)
      .filter(([name, value]) => this.#base.get(name) !== value);
    const profile = new Map(changed);
    this.#current = asText(profile);
    return profile;
  }

  #set(name, value) {
    try {
      this.#engine.query(`SELECT set_config(${literal(name)}, ${literal(value)}, false)`);
    } catch (error) {
      if (!(error instanceof QueryFailed)) throw error;
    }
  }
}
