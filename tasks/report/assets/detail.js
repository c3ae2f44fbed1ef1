// One result with everything known about it, in a dialog.
let shown = null;
let order = [];
const dialog = $('dialog');

const pairs = (...list) => {
  const rows = list.filter(([, value]) => value !== null && value !== undefined && value !== '');
  return rows.length ? h('dl', {}, rows.flatMap(([name, value, kind]) => [h('dt', {}, name), h('dd', { class: kind, dir: kind ? null : 'auto' }, typeof value === 'number' ? String(value) : value)])) : null;
};
const section = (title, ...body) => (body.some(Boolean) ? h('section', {}, h('h3', {}, title), ...body) : null);
const said = (text) => (text ? h('p', { class: 'say', dir: 'auto' }, text) : null);
const yes = (value) => (value === null ? null : value ? 'yes' : 'no');

// Letters of the expected text that were not read, and letters read instead; texts beyond 600 letters stand plain.
function difference(expected, found) {
  const a = [...expected], b = [...found];
  if (a.length > 600 || b.length > 600) return said(found);
  const width = b.length + 1;
  const table = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) {
    table[i * width + j] = a[i] === b[j] ? table[(i + 1) * width + j + 1] + 1 : Math.max(table[(i + 1) * width + j], table[i * width + j + 1]);
  }
  const out = h('p', { class: 'diff', dir: 'auto' });
  const put = (tag, text) => { const last = out.lastElementChild; if (last && last.localName === tag) last.append(text); else out.append(h(tag, {}, text)); };
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    if (i < a.length && j < b.length && a[i] === b[j]) { put('span', a[i]); i++; j++; }
    else if (j < b.length && (i === a.length || table[i * width + j + 1] >= table[(i + 1) * width + j])) put('ins', b[j++]);
    else put('del', a[i++]);
  }
  return out;
}

function stage(r) {
  if (!cols.image_uri[r]) {
    const text = cols.answer_text[r] ?? cols.ocr_text[r];
    return h('div', { class: 'show' }, text ? h('p', { class: 'answer', dir: 'auto' }, text) : frame(r));
  }
  const large = h('img', { class: 'large', alt: promptOf(r), src: cols.thumb[r] ? thumbSource(cols.thumb[r]) : cols.image_uri[r], width: cols.width_px[r], height: cols.height_px[r] });
  if (cols.thumb[r]) {
    const original = new Image();
    original.addEventListener('load', () => { large.src = original.src; large.dataset.original = 'yes'; });
    original.src = cols.image_uri[r];
  }
  return h('div', { class: 'show' }, large);
}

// Pictures that went in, where they are this dataset's own.
function inputs(r) {
  const own = (detailOf(r).input_sha256s ?? []).map((sha) => cols.sha256.indexOf(sha)).filter((at) => at >= 0);
  if (!own.length) return null;
  return h('div', { class: 'strip inputs' }, 'Made from', own.map((i) => h('button', { type: 'button', title: cols.row_id[i], onclick: () => openDetail(i) }, smallPicture(i))));
}

function family(r) {
  const rest = [];
  for (let i = 0; i < N; i++) if (cols.group[i] === cols.group[r] && (cols.current[i] || i === r)) rest.push(i);
  if (rest.length < 2) return null;
  return h('div', { class: 'strip' }, 'Same prompt', rest.slice(0, 40).map((i) => h('button', { type: 'button', title: cols.model[i], 'aria-current': String(i === r), onclick: () => openDetail(i) }, cols.image_uri[i] ? smallPicture(i) : cols.outcome[i])),
    h('button', { type: 'button', class: 'wide', title: 'Side by side', onclick: () => openCompare(rest) }, 'side by side'));
}

function inputsOf(d) {
  const bySha = (sha) => cols.sha256.indexOf(sha);
  return (d.input_sha256s ?? []).map((sha) => {
    const at = bySha(sha);
    return at < 0 ? h('div', {}, sha) : h('div', {}, h('a', { href: '#', onclick: (event) => { event.preventDefault(); openDetail(at); } }, cols.row_id[at]), ` ${sha}`);
  });
}

// A value that filters: the gallery with what shares it.
const onlyThese = (text, values) => h('button', { type: 'button', class: 'filter', title: 'Show only these', onclick: () => { shown = null; dialog.close(); change({ ...EMPTY, view: state.view, ...values }); showState(); } }, text || '(empty)');

function know(r) {
  const d = detailOf(r);
  const outcome = cols.outcome[r];
  const why = outcome === 'succeeded' ? null : h('div', { class: `why ${outcome}` },
    h('strong', {}, `${outcome}: ${reasonOf(r) || 'no reason recorded'}`), h('p', {}, meta.words.outcomes[outcome] ?? ''),
    cols.refusal_stage[r] && h('p', {}, meta.words.stages[cols.refusal_stage[r]] ?? cols.refusal_stage[r]),
    risk[r] ? h('p', {}, `It may have cost up to ${usd(risk[r])} besides what is known.`) : null);
  return h('div', { class: 'know' }, why,
    section('Prompt', said(promptOf(r)),
      d.prompt_sent && d.prompt_sent !== promptOf(r) && [h('h3', {}, 'As sent'), said(d.prompt_sent)],
      cols.revised_prompt[r] && [h('h3', {}, 'As the model rewrote it'), said(cols.revised_prompt[r])]),
    section('Answer', cols.image_uri[r] ? said(cols.answer_text[r]) : null, d.answer_json && pairs(['as JSON', d.answer_json, 'code'])),
    section('Text in the picture',
      cols.expected_text[r] !== null && cols.ocr_text[r] !== null ? difference(cols.expected_text[r], cols.ocr_text[r]) : said(cols.ocr_text[r]),
      pairs(['expected', cols.expected_text[r]], ['read', cols.expected_text[r] !== null ? cols.ocr_text[r] : null], ['character errors', cols.cer[r] === null ? null : `${percent(cols.cer[r])} (CER ${cols.cer[r].toFixed(4)})`],
        ['reading', d.ocr_status && d.ocr_status.replace('_', ' ')], ['read by', d.ocr_model], ['confidence', d.ocr_confidence === null ? null : percent(d.ocr_confidence)])),
    section('Request', pairs(['model', onlyThese(cols.model[r], { model: cols.model[r] })], ['operation', cols.operation[r]], ['provider', d.provider], ['endpoint', d.endpoint], ['size asked for', d.requested_size],
      ['parameters', d.params === '{}' ? null : d.params, 'code'], ['input pictures', d.input_sha256s?.length ? inputsOf(d) : null, 'code'], ['mask', d.mask_sha256, 'code'])),
    section('Picture', pairs(['size', cols.width_px[r] && `${cols.width_px[r]} × ${cols.height_px[r]} px`], ['as requested', yes(cols.size_as_requested[r])], ['file', d.format && `${d.format.toUpperCase()}, ${bytes(cols.size_bytes[r])}`],
      ['C2PA', yes(d.has_c2pa)], ['one colour throughout', d.blank ? 'yes' : null], ['sha256', cols.sha256[r], 'code'], ['perceptual hash', d.phash, 'code'], ['came from', d.source_url, 'code'], ['URL good until', when(d.url_expires_at)],
      ['time to spare', d.seconds_to_spare === null ? null : `${d.seconds_to_spare.toFixed(0)} s`])),
    section('Money', pairs(['cost', usd(cost[r])], ['reading', reading[r] === 0 ? null : usd(reading[r])], ['possibly more', risk[r] ? usd(risk[r]) : null], ['charged', d.billed], ['price', d.price_rule && `${d.price_rule}${d.price_as_of ? `, as of ${d.price_as_of}` : ''}`],
      ['tokens in, out', d.input_tokens === null && d.output_tokens === null ? null : `${d.input_tokens ?? '?'}, ${d.output_tokens ?? '?'}`], ['reused', cols.reused[r] ? 'yes: another row bought it' : null])),
    section('Time', pairs(['started', when(d.started_at)], ['finished', when(cols.finished_at[r])], ['waited', seconds(d.queue_ms)], ['generated in', seconds(cols.generate_ms[r])], ['downloaded in', seconds(d.download_ms)], ['stored in', seconds(d.store_ms)],
      ['attempts', cols.attempts[r]], ['HTTP status', d.http_status])),
    section('Tags', pairs(...cols.tags[r].map(([k, v]) => [k, onlyThese(v ?? '', { tag: k, value: '=' + (v ?? '') })]))),
    section('Row', pairs(['id', cols.row_id[r]], ['catalog', cols.catalog[r]], ['line of the catalog', cols.row_number[r]], ['take', cols.take[r]], ['sample', cols.sample_index[r]], ['current', yes(cols.current[r])], ['result key', d.result_key, 'code'], ['run', d.run_id, 'code'], ['catalog sha256', d.catalog_sha256, 'code'])));
}

function sheet(title, mark, tools, body) {
  dialog.classList.remove('small');
  const close = h('button', { type: 'button', onclick: () => dialog.close(), title: 'Close (Esc)' }, 'Close');
  dialog.replaceChildren(h('div', { class: 'sheet' }, h('div', { class: 'bar' }, h('h2', { dir: 'auto' }, title), mark, tools, close), body));
  if (!dialog.open) dialog.showModal();
  close.focus();
}

function openDetail(r) {
  shown = r;
  const original = cols.image_uri[r] && h('a', { href: cols.image_uri[r], target: '_blank', rel: 'noopener noreferrer' }, 'Original');
  const step = (by, name, key) => h('button', { type: 'button', class: 'quiet', title: `${name} (${key})`, onclick: () => walk(by) }, by < 0 ? '←' : '→');
  const at = order.indexOf(r);
  sheet(cols.row_id[r], h('span', { class: `badge ${cols.outcome[r]}` }, cols.outcome[r]),
    [original, at >= 0 && h('span', { class: 'muted' }, `${count(at + 1)} of ${count(order.length)}`), step(-1, 'Previous', '←'), step(1, 'Next', '→')],
    h('div', { class: 'detail' }, h('div', { class: 'stage' }, stage(r), h('div', {}, inputs(r), family(r))), know(r)));
  remember();
}

function walk(by) {
  const at = order.indexOf(shown) + by;
  if (order.includes(shown) && at >= 0 && at < order.length) openDetail(order[at]);
}
