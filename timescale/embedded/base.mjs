// The engine starts with settings of its own on its command line (no sequential scans, debug
// messages, a search path without "public"), to which RESET ALL goes back.
export const BASE = `SET search_path = "$user", public; SET "TimeZone" = 'UTC';
  SET enable_seqscan = on; SET log_min_messages = log`;
