// Creates the cluster that every new data directory is a copy of: initdb takes seconds in WASM.
//
// Usage: node initialise.mjs <engine directory> <data directory>

import { DATABASE, openEngine } from './engine.mjs';

const [packageDir, dataDir] = process.argv.slice(2);
const log = (line) => process.stderr.write(`${line}\n`);

const created = await openEngine(packageDir, dataDir, 'template1', log);
created.query(`CREATE DATABASE ${DATABASE}`);
await created.close();

const engine = await openEngine(packageDir, dataDir, DATABASE, log);
engine.query('CREATE EXTENSION timescaledb');
await engine.close();
