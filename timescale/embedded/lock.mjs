// One process for a data directory: a lock file that names its owner.

import { execFileSync } from 'node:child_process';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** The directory is in use by a living process. */
export class Locked extends Error {}

/** Takes the lock or throws `Locked`; the lock of a dead process is taken over. */
export function acquireLock(path) {
  const mine = `${process.pid} ${startOf(process.pid)}\n`;
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, mine, { mode: 0o600 });
  try {
    if (linked(draft, path)) return;
    setAsideIfStale(path, `${draft}.stale`);
    if (!linked(draft, path)) throw new Locked('another process took the lock just now');
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Removes the lock. */
export function releaseLock(path) {
  rmSync(path, { force: true });
}

// A link appears whole or not at all, unlike a file that is opened and then written.
function linked(draft, path) {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function setAsideIfStale(path, aside) {
  const seen = content(path);
  refuseIfAlive(seen);
  try {
    renameSync(path, aside);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  const moved = content(aside);
  if (moved !== seen) linked(aside, path); // a third process was faster: its lock goes back
  rmSync(aside, { force: true });
}

function content(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return '';
    throw error;
  }
}

function refuseIfAlive(text) {
  const [pid, ...start] = text.trim().split(' ');
  const number = Number(pid);
  if (!number || number === process.pid || !isAlive(number)) return;
  // The same pid with another start time is another program.
  if (startOf(number) === start.join(' ')) throw new Locked(`process ${number} is using it`);
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** When a process started, as a text that is only good for comparing. */
function startOf(pid) {
  try {
    if (process.platform === 'linux') return linuxStart(pid);
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

function linuxStart(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return `${afterName[19]}@${boot}`;
}
