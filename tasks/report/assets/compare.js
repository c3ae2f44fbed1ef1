// Results side by side: the same figures in the same places, the best of each marked.
function sideRow(rows) {
  const mixed = new Set(rows.map((r) => cols.group[r])).size > 1;
  const lowest = (value) => { const found = rows.map(value).filter((v) => v !== null && v !== undefined); return found.length > 1 && new Set(found).size > 1 ? Math.min(...found) : null; };
  const best = { cost: lowest((r) => (cols.outcome[r] === 'succeeded' && !cols.reused[r] ? cost[r] : null)), ms: lowest((r) => cols.generate_ms[r]), cer: lowest((r) => cols.cer[r]) };
  const line = (name, text, top) => (text === null ? [] : [h('dt', {}, name), h('dd', { class: top ? 'best' : null }, text)]);
  return h('div', { class: 'sides-row' }, rows.map((r) => h('div', { class: 'side', 'data-row': r }, h('h3', {}, cols.model[r]),
    h('button', { class: 'open', type: 'button', onclick: () => openDetail(r) }, frame(r)),
    mixed && h('div', { class: 'prompt', dir: 'auto' }, promptOf(r)),
    h('dl', {}, line('cost', cols.reused[r] ? 'reused' : usd(cost[r]), best.cost !== null && cost[r] === best.cost && !cols.reused[r] && cols.outcome[r] === 'succeeded'), line('time', seconds(cols.generate_ms[r]), best.ms !== null && cols.generate_ms[r] === best.ms),
      line('CER', cols.cer[r] === null ? null : cols.cer[r].toFixed(2), best.cer !== null && cols.cer[r] === best.cer), line('read', cols.ocr_text[r], false),
      line('size', cols.width_px[r] ? `${cols.width_px[r]} × ${cols.height_px[r]}` : null, false), line('outcome', cols.outcome[r] === 'succeeded' ? null : `${cols.outcome[r]}: ${reasonOf(r)}`, false), line('row', cols.row_id[r], false)))));
}

const promptGroup = (rows) => h('section', { class: 'prompt-group' }, h('h2', { dir: 'auto' }, promptOf(rows[0])), sideRow(rows));

function openCompare(rows) {
  shown = null;
  const prompts = new Set(rows.map((r) => cols.group[r]));
  sheet(prompts.size === 1 ? promptOf(rows[0]) : `${rows.length} results side by side`, null, null, h('div', { class: 'scroll' }, sideRow(rows)));
}
