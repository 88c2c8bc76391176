/*
 * Loaded into an app before anything else: ends it, once each, right before and right after every kind of commit. The
 * kinds that had their turn are in the file CHAOS_POINTS, so that the next app goes on with the others.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import pg from 'pg';

const file = process.env.CHAOS_POINTS;
const done = new Set(existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []);
/** Connection → what its transaction has written so far. */
const open = new Map();
const { query } = pg.Client.prototype;

pg.Client.prototype.query = function watched(config, values, callback) {
  const point = pointOf(this, config, values);
  if (point === undefined) return query.call(this, config, values, callback);
  strike(`${point} · before`);
  const after = () => strike(`${point} · after`);
  const given = typeof values === 'function' ? values : callback;
  if (given) {
    const told = (error, result) => {
      if (!error) after();
      given(error, result);
    };
    return typeof values === 'function' ? query.call(this, config, told) : query.call(this, config, values, told);
  }
  const answer = query.call(this, config, values);
  return answer instanceof Promise
    ? answer.then((result) => {
        after();
        return result;
      })
    : answer;
};

/** The commit that this statement makes; undefined when it makes none. */
function pointOf(client, config, values) {
  const text = typeof config === 'string' ? config : config?.text;
  if (typeof text !== 'string') return undefined;
  const who = client.connectionParameters.application_name ?? 'queue';
  if (/^\s*BEGIN/i.test(text)) {
    open.set(client, who);
    return undefined;
  }
  if (/^\s*(COMMIT|ROLLBACK)/i.test(text)) {
    const wrote = open.get(client);
    open.delete(client);
    return /^\s*COMMIT/i.test(text) ? `COMMIT of ${wrote}` : undefined;
  }
  const written = /\b(?:INSERT INTO|UPDATE|DELETE FROM) "?(?:public"?\.)?"?(\w+)/.exec(text);
  if (open.has(client)) {
    const params = Array.isArray(values) ? values : config?.values;
    if (/INSERT INTO command \(/.test(text) && params) open.set(client, String(params[2]));
    return undefined;
  }
  if (!written || !who.startsWith('maitred')) return undefined;
  return text.trim().replace(/\s+/g, ' ').slice(0, 70);
}

function strike(point) {
  if (done.has(point)) return;
  appendFileSync(file, `${point}\n`);
  process.kill(process.pid, 'SIGKILL');
}
