// The little of SQL that the front has to understand, because all connections share one session:
// names of prepared statements, changes of settings, and what one session cannot do.

import { createHash } from 'node:crypto';
import { BASE } from './base.mjs';

const WORTH_A_LOOK = /\b(?:copy|listen|set|reset|discard|set_config|prepare|execute|deallocate)\b/i;
const TOKEN = new RegExp(
  [
    String.raw`\s+|--[^\n]*|/\*[^]*?\*/`, // blanks
    String.raw`[eE]'[^'\\]*(?:\\[^][^'\\]*)*'|'[^']*'`, // strings; '' reads as two of them
    String.raw`\$(?<tag>[A-Za-z_]\w*|)\$[^]*?\$\k<tag>\$`,
    String.raw`(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|"[^"]*")`,
    String.raw`\d[\w.]*|(?<mark>[^])`,
  ].join('|'),
  'gy',
);
const MAX_NAME_BYTES = 63;

const refusal = (what, hint) => `DO $refused$BEGIN RAISE EXCEPTION USING ERRCODE = '0A000',
  MESSAGE = '${what} is not supported by the embedded server', HINT = '${hint}'; END$refused$`;
const COPY_REFUSED = refusal(
  'COPY FROM STDIN',
  'Use INSERT .. SELECT FROM unnest(..), or connect to a native TimescaleDB server.',
);
const LISTEN_REFUSED = refusal('LISTEN', 'Ask for changes at intervals.');

/** The words of each statement outside parentheses, as `{text, start, end}`. */
function* statements(sql) {
  let words = [];
  let depth = 0;
  let start = 0;
  for (const { index, 0: text, groups } of sql.matchAll(TOKEN)) {
    if (groups.mark === '(') depth += 1;
    else if (groups.mark === ')') depth -= 1;
    else if (groups.word && depth === 0) words.push({ text, start: index, end: index + text.length });
    else if (groups.mark === ';') {
      yield { words, start, end: index };
      words = [];
      start = index + 1;
    }
  }
  yield { words, start, end: sql.length };
}

const quoted = (name) => `"${name.replaceAll('"', '""')}"`;
const identifier = (word) => (word[0] === '"' ? word.slice(1, -1) : word.toLowerCase());

/** The name under which the engine knows a connection's prepared statement. */
export function engineName(prefix, name) {
  if (Buffer.byteLength(prefix + name) <= MAX_NAME_BYTES) return prefix + name;
  return prefix + createHash('sha256').update(name).digest('hex').slice(0, 32);
}

/** Drops every prepared statement of one connection. */
export function deallocateAll(prefix) {
  return `DO $all$DECLARE statement text; BEGIN
    FOR statement IN SELECT name FROM pg_prepared_statements WHERE starts_with(name, '${prefix}')
    LOOP EXECUTE format('DEALLOCATE %I', statement); END LOOP; END$all$`;
}

function discardAll(prefix) {
  return deallocateAll(prefix).replace(
    'BEGIN',
    `BEGIN RESET ALL; ${BASE}; DISCARD PLANS; DISCARD SEQUENCES; DISCARD TEMP;`,
  );
}

const RESET_ALL = `DO $reset$BEGIN RESET ALL; ${BASE}; END$reset$`;

function renamed(sql, statement, word, prefix) {
  const name = quoted(engineName(prefix, identifier(word.text)));
  return sql.slice(statement.start, word.start) + name + sql.slice(word.end, statement.end);
}

/** The text to run in place of a statement, or null to run it as it is. */
function replacement(sql, statement, prefix) {
  const words = statement.words.map(({ text }) => text.toUpperCase());
  switch (words[0]) {
    case 'COPY':
      return words.some((word, i) => word === 'FROM' && words[i + 1] === 'STDIN')
        ? COPY_REFUSED
        : null;
    case 'LISTEN':
      return LISTEN_REFUSED;
    case 'RESET':
      return words[1] === 'ALL' ? RESET_ALL : null;
    case 'DISCARD':
      return words[1] === 'ALL' ? discardAll(prefix) : null;
    case 'DEALLOCATE': {
      const at = words[1] === 'PREPARE' ? 2 : 1;
      if (words[at] === 'ALL') return deallocateAll(prefix);
      return words[at] ? renamed(sql, statement, statement.words[at], prefix) : null;
    }
    case 'PREPARE':
    case 'EXECUTE':
      if (!words[1] || words[1] === 'TRANSACTION') return null;
      return renamed(sql, statement, statement.words[1], prefix);
    default:
      return null;
  }
}

/**
 * Fits a client's SQL to the shared session. Returns the text to run and whether it may change
 * settings that outlive the transaction.
 */
export function adapt(sql, prefix) {
  if (!WORTH_A_LOOK.test(sql)) return { sql, changesSettings: false };
  let adapted = '';
  let done = 0;
  let changesSettings = /\bset_config\b/i.test(sql);
  for (const statement of statements(sql)) {
    const first = statement.words[0]?.text.toUpperCase();
    changesSettings ||= first === 'SET' || first === 'RESET' || first === 'DISCARD';
    const text = replacement(sql, statement, prefix);
    if (text === null) continue;
    adapted += sql.slice(done, statement.start) + text;
    done = statement.end;
  }
  return { sql: adapted + sql.slice(done), changesSettings };
}
