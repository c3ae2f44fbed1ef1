// The page: figures, filters, the two views, keys, and an address that can be shared.
const BATCH = 48;
let pendingItems = [];
let drawn = 0;

function figures() {
  const part = (big, small) => h('div', { class: 'figure' }, h('b', {}, big), h('span', {}, small));
  const good = meta.outcomes.succeeded ?? 0;
  const older = meta.older_rows ? `, ${count(meta.older_rows)} earlier` : '';
  $('figures').replaceChildren(
    part(`${count(good)} of ${count(meta.rows)}`, `results succeeded${older}`),
    part(count(meta.pictures), `different pictures by ${many(meta.models, 'model')}`),
    part(usdText(meta.bill_usd), Number(meta.reading_usd) ? `known cost, ${usdText(meta.reading_usd)} of it readings` : 'known cost'),
    part(usdText(meta.at_risk_usd), Number(meta.at_risk_usd) ? 'possibly more: calls whose end is not known' : 'at risk: every call has a known end'),
    part(good ? usd(Math.round(micros(meta.bill_usd) / good)) : '–', 'per result that succeeded'),
    ...(meta.unpriced ? [part(count(meta.unpriced), 'results of unknown cost, not counted as 0')] : []));
}

function heading() {
  $('name').textContent = meta.name;
  $('subtitle').textContent = `${meta.dataset} · made ${when(meta.made_at)}${meta.commit === null ? '' : ` · manifest commit ${meta.commit}`}`;
  const notes = [];
  if (meta.pages > 1) notes.push(`Part ${meta.page} of ${meta.pages}: filters look at this part; the figures below are of the whole dataset.`);
  if (meta.left_out) notes.push(`${count(meta.left_out)} more results are not on these pages. All of them are in manifest.parquet.`);
  if (meta.late_thumbs) notes.push(`${count(meta.late_thumbs)} pictures have no thumbnail yet and show their originals; “printroom report” makes the rest.`);
  if (meta.links_until) notes.push(`Links to pictures end ${when(meta.links_until)}; “printroom report” makes new ones.`);
  $('notices').replaceChildren(...notes.map((note) => h('p', { class: 'notice' }, note)));
  const names = Array.from({ length: meta.pages > 1 ? meta.pages : 0 }, (_, i) => (i ? `page-${i + 1}.html` : 'index.html'));
  $('pages').replaceChildren(...names.map((name, i) => h('a', { href: name, 'aria-current': i + 1 === meta.page ? 'page' : null }, `Part ${i + 1}`)));
}

function tally(values) {
  const counts = new Map();
  for (const value of values) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}

function fill(id, any, entries) {
  $(id).replaceChildren(h('option', { value: '' }, any), ...entries.map(([value, text]) => h('option', { value }, text)));
}

const counted = (entries) => entries.map(([value, times]) => [value, `${value} (${count(times)})`]);
const live = [];
for (let r = 0; r < N; r++) if (cols.current[r]) live.push(r);

function fillTagValues() {
  const values = state.tag ? tally(live.flatMap((r) => cols.tags[r].filter(([k]) => k === state.tag).map(([, v]) => v ?? ''))) : [];
  fill('tag-value', 'any', values.slice(0, 1000).map(([value, times]) => ['=' + value, `${value || '(empty)'} (${count(times)})`]));
  $('tag-value-box').hidden = !state.tag;
}

function fillFilters() {
  fill('model', 'all', counted(tally(live.map((r) => cols.model[r]))));
  fill('catalog', 'all', counted(tally(live.map((r) => cols.catalog[r]))));
  fill('operation', 'all', counted(tally(live.map((r) => cols.operation[r]))));
  fill('tag', 'none', counted(tally(live.flatMap((r) => cols.tags[r].map(([k]) => k)))));
  fill('score', 'none', Object.entries(SCORES).map(([name, [text, unit]]) => [name, unit ? `${text} (${unit})` : text]));
  $('sort').replaceChildren(...Object.entries(SORTS).map(([name, [text]]) => h('option', { value: name }, text)));
  for (const id of ['catalog', 'operation', 'tag']) $(id).parentElement.hidden = $(id).options.length < (id === 'tag' ? 2 : 3);
  $('older-box').hidden = live.length === N;
}

function chips(counts) {
  const wanted = new Set(state.outcomes.split(',').filter(Boolean));
  const known = Object.keys(meta.words.outcomes).filter((name) => meta.outcomes[name] || counts[name]);
  $('outcomes').replaceChildren(...known.map((name) => h('button', { type: 'button', class: `chip ${name}${counts[name] ? '' : ' none'}`, 'data-outcome': name, 'aria-pressed': String(wanted.has(name)), title: meta.words.outcomes[name],
    onclick: () => { if (wanted.has(name)) wanted.delete(name); else wanted.add(name); change({ outcomes: [...wanted].join(',') }); $('outcomes').querySelector(`[data-outcome="${name}"]`).focus(); } }, h('i', {}), name, h('b', {}, count(counts[name] ?? 0)))));
}

function summary(rows) {
  let known = 0, maybe = 0, blank = 0;
  for (const r of rows) { known += (cost[r] ?? 0) + (reading[r] ?? 0); maybe += risk[r] ?? 0; if (cost[r] === null) blank++; }
  const parts = [h('b', {}, count(rows.length)), ` of ${count(live.length)} shown · `, h('b', {}, usd(known)), ' known'];
  if (maybe) parts.push(` · ${usd(maybe)} possibly more`);
  if (blank) parts.push(` · ${many(blank, 'cost')} unknown`);
  $('summary').replaceChildren(...parts);
}

function drawMore() {
  if (drawn >= pendingItems.length) return;
  const make = state.view === 'compare' ? promptGroup : card;
  const until = Math.min(pendingItems.length, drawn + (state.view === 'compare' ? 8 : BATCH));
  $('grid').append(...pendingItems.slice(drawn, until).map(make));
  drawn = until;
}

function draw() {
  const { rows, counts } = select();
  order = rows;
  pendingItems = state.view === 'compare' ? groupsOf(rows) : rows;
  drawn = 0;
  $('grid').replaceChildren();
  $('grid').classList.toggle('sides', state.view === 'compare');
  drawMore();
  chips(counts);
  summary(rows);
  $('empty').hidden = pendingItems.length > 0;
  $('empty').textContent = state.view === 'compare' && rows.length ? 'Nothing to put side by side: no prompt in this selection was given to more than one model. Pick single results instead (p).' : N ? 'Nothing matches these filters.' : 'This dataset holds no results yet.';
  for (const view of ['grid', 'compare']) $(`view-${view}`).setAttribute('aria-pressed', String(state.view === view));
  $('bound-box').hidden = !state.score;
  const changed = Object.keys(EMPTY).some((name) => state[name] !== EMPTY[name] && name !== 'view');
  $('reset').hidden = !changed;
  remember();
}

const FIELDS = { q: 'q', model: 'model', catalog: 'catalog', operation: 'operation', tag: 'tag', value: 'tag-value', score: 'score', op: 'score-op', bound: 'score-value', sort: 'sort' };
function showState() {
  for (const [name, id] of Object.entries(FIELDS)) $(id).value = state[name];
  $('older').checked = Boolean(state.older);
}

function change(values) {
  Object.assign(state, values);
  if ('tag' in values) { state.value = values.value ?? ''; fillTagValues(); $('tag-value').value = state.value; }
  draw();
}

function remember() {
  const words = new URLSearchParams();
  for (const name of Object.keys(EMPTY)) if (state[name] !== EMPTY[name]) words.set(name, state[name]);
  if (dialog.open && shown !== null) words.set('row', shown);
  try { history.replaceState(null, '', '#' + words); } catch { /* some viewers forbid it: the page works without */ }
}

function recall() {
  const words = new URLSearchParams(location.hash.slice(1));
  for (const name of Object.keys(EMPTY)) if (words.has(name)) state[name] = words.get(name);
  if (!SORTS[state.sort]) state.sort = EMPTY.sort;
  fillTagValues();
  showState();
  const row = words.has('row') ? Number(words.get('row')) : NaN;
  return Number.isInteger(row) && row >= 0 && row < N ? row : null;
}

const KEYS = [['/', 'search'], ['← → ↑ ↓', 'move among pictures; previous and next when one is open'], ['Enter', 'open'], ['Esc', 'close'], ['p', 'pick for comparison'], ['c', 'compare what is picked'], ['g', 'pictures or side by side'], ['x', 'clear filters'], ['t', 'light or dark'], ['?', 'these keys']];
function showKeys() {
  shown = null;
  sheet('Keys', null, null, h('div', { class: 'keys' }, KEYS.flatMap(([key, text]) => [h('span', {}, h('kbd', {}, key)), h('span', {}, text)])));
  dialog.classList.add('small');
}

function moveFocus(key) {
  const cards = [...document.querySelectorAll('#grid .open')];
  if (!cards.length) return;
  const at = cards.indexOf(document.activeElement);
  const top = cards[0].getBoundingClientRect().top;
  const wide = Math.max(1, cards.filter((element) => element.getBoundingClientRect().top === top).length);
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -wide, ArrowDown: wide }[key];
  const next = at < 0 ? 0 : at + step;
  if (next >= cards.length - wide) drawMore();
  (cards[next] ?? document.querySelectorAll('#grid .open')[next])?.focus();
}

const clearFilters = () => { change({ ...EMPTY, view: state.view }); showState(); };
const flipView = () => change({ view: state.view === 'grid' ? 'compare' : 'grid' });
const comparePins = () => { if (pins.size > 1) openCompare([...pins]); };

addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = ['INPUT', 'SELECT', 'TEXTAREA'].includes(document.activeElement?.tagName);
  if (typing) { if (event.key === 'Escape') document.activeElement.blur(); return; }
  if (dialog.open) {
    if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') { event.preventDefault(); walk(event.key === 'ArrowLeft' ? -1 : 1); }
    if (event.key === 't') switchTheme();
    return;
  }
  const focused = document.activeElement?.closest?.('.card');
  const actions = { '/': () => $('q').focus(), p: () => focused && togglePin(Number(focused.dataset.row)), c: comparePins, g: flipView, x: clearFilters, t: switchTheme, '?': showKeys };
  if (event.key.startsWith('Arrow')) { event.preventDefault(); moveFocus(event.key); return; }
  const action = actions[event.key];
  if (action) { event.preventDefault(); action(); }
});

for (const [name, id] of Object.entries(FIELDS)) $(id).addEventListener('input', () => change({ [name]: $(id).value }));
$('older').addEventListener('change', () => change({ older: $('older').checked ? 'yes' : '' }));
$('view-grid').addEventListener('click', () => change({ view: 'grid' }));
$('view-compare').addEventListener('click', () => change({ view: 'compare' }));
$('reset').addEventListener('click', clearFilters);
$('help').addEventListener('click', showKeys);
$('tray-compare').addEventListener('click', comparePins);
$('tray-clear').addEventListener('click', () => { for (const r of [...pins]) togglePin(r); });
dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
dialog.addEventListener('close', () => {
  const back = shown === null ? null : document.querySelector(`.card[data-row="${Number(shown)}"] .open`);
  shown = null;
  back?.focus();
  remember();
});
new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) drawMore(); }, { rootMargin: '900px' }).observe($('more'));

heading();
figures();
fillFilters();
const asked = recall();
draw();
showTray();
if (asked !== null) openDetail(asked);
