// The rows as columns, and which of them a filter leaves. Nothing here touches the page.
const $ = (id) => document.getElementById(id);
const read = (id) => JSON.parse($(id).textContent);
const meta = read('meta');
const index = read('index');
const thumbs = read('thumbs');
const N = index.n;
let details = null;

const unpack = (column) => (column.d ? column.i.map((at) => (at < 0 ? null : column.d[at])) : column.v);
const cols = {};
for (const name of Object.keys(index.columns)) cols[name] = unpack(index.columns[name]);

function detailOf(row) {
  details ??= read('detail');
  const out = {};
  for (const [name, column] of Object.entries(details)) {
    const value = column.d ? (column.i[row] < 0 ? null : column.d[column.i[row]]) : column.v[row];
    out[name] = value;
  }
  return out;
}

const micros = (text) => (text === null ? null : Math.round(Number(text) * 1e6));
const cost = cols.cost_usd.map(micros);
const reading = cols.ocr_cost_usd.map(micros);
const risk = cols.cost_at_risk_usd.map(micros);

// name, unit, column as a number (null never meets a bound)
const SCORES = {
  cer: ['Character error rate', '', (r) => cols.cer[r]],
  cost: ['Cost', '$', (r) => (cost[r] === null ? null : cost[r] / 1e6)],
  seconds: ['Seconds to generate', 's', (r) => (cols.generate_ms[r] === null ? null : cols.generate_ms[r] / 1000)],
  width: ['Width', 'px', (r) => cols.width_px[r]],
  height: ['Height', 'px', (r) => cols.height_px[r]],
  kilobytes: ['File size', 'KB', (r) => (cols.size_bytes[r] === null ? null : cols.size_bytes[r] / 1024)],
  attempts: ['Attempts', '', (r) => cols.attempts[r]],
};
const descending = (value) => (a, b) => (value(b) ?? -Infinity) - (value(a) ?? -Infinity) || a - b;
const SORTS = {
  catalog: ['Catalog', (a, b) => a - b],
  newest: ['Newest first', (a, b) => (cols.finished_at[a] ?? '') < (cols.finished_at[b] ?? '') ? 1 : cols.finished_at[a] === cols.finished_at[b] ? a - b : -1],
  model: ['Model', (a, b) => (cols.model[a] < cols.model[b] ? -1 : cols.model[a] > cols.model[b] ? 1 : a - b)],
  cost: ['Dearest first', descending((r) => cost[r])],
  cer: ['Worst reading first', descending((r) => cols.cer[r])],
  slow: ['Slowest first', descending((r) => cols.generate_ms[r])],
};

const EMPTY = { q: '', outcomes: '', model: '', catalog: '', operation: '', tag: '', value: '', score: '', op: 'le', bound: '', older: '', sort: 'catalog', view: 'grid' };
const state = { ...EMPTY };

let haystack = null;
function textOf(row) {
  haystack ??= new Array(N);
  return (haystack[row] ??= [
    cols.row_id[row], cols.prompt[row], cols.revised_prompt[row], cols.ocr_text[row], cols.expected_text[row],
    cols.answer_text[row], cols.model[row], ...cols.tags[row].flat(),
  ].filter(Boolean).join('\u0001').normalize('NFKC').toLowerCase());
}

// The rows that pass, in order, and how many each outcome would show if it were chosen.
function select() {
  const words = state.q.normalize('NFKC').toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = new Set(state.outcomes.split(',').filter(Boolean));
  const score = SCORES[state.score] && state.bound !== '' ? SCORES[state.score][2] : null;
  const bound = Number(state.bound);
  const rows = [];
  const counts = {};
  for (let r = 0; r < N; r++) {
    if (!cols.current[r] && !state.older) continue;
    if (state.model && cols.model[r] !== state.model) continue;
    if (state.catalog && cols.catalog[r] !== state.catalog) continue;
    if (state.operation && cols.operation[r] !== state.operation) continue;
    if (state.tag && !cols.tags[r].some(([k, v]) => k === state.tag && (state.value === '' || v === state.value.slice(1)))) continue;
    if (score) {
      const found = score(r);
      if (found === null || (state.op === 'le' ? found > bound : found < bound)) continue;
    }
    if (words.length) {
      const text = textOf(r);
      if (!words.every((word) => text.includes(word))) continue;
    }
    counts[cols.outcome[r]] = (counts[cols.outcome[r]] ?? 0) + 1;
    if (!wanted.size || wanted.has(cols.outcome[r])) rows.push(r);
  }
  if (state.sort !== 'catalog') rows.sort(SORTS[state.sort][1]);
  return { rows, counts };
}

// Rows with the same words on the same inputs, models side by side; only groups that compare something.
function groupsOf(rows) {
  const groups = new Map();
  for (const r of rows) {
    const at = cols.group[r];
    if (groups.has(at)) groups.get(at).push(r); else groups.set(at, [r]);
  }
  return [...groups.values()].filter((group) => new Set(group.map((r) => cols.model[r])).size > 1)
    .map((group) => group.sort(SORTS.model[1]));
}

const usd = (value) => (value === null ? 'unknown' : '$' + (value / 1e6).toFixed(6).replace(/(\.\d\d\d*?)0+$/, '$1'));
const usdText = (text) => usd(micros(text));
const count = (value) => value.toLocaleString('en-US');
const many = (value, word) => `${count(value)} ${word}${value === 1 ? '' : 's'}`;
const seconds = (ms) => (ms === null || ms === undefined ? null : ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(ms < 1e4 ? 1 : 0)} s`);
const percent = (value) => (value === null ? null : `${(100 * value).toFixed(value && value < 0.1 ? 1 : 0)} %`);
const bytes = (value) => (value === null ? null : value < 1048576 ? `${(value / 1024).toFixed(0)} KB` : `${(value / 1048576).toFixed(1)} MB`);
const when = (iso) => (iso === null ? null : iso.replace('T', ' ').replace('Z', ' UTC'));
