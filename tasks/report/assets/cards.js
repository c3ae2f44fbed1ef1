// Elements. Every text reaches the page as a text node: a prompt cannot become markup here.
function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'class') element.className = value;
    else if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined && child !== false) element.append(child);
  return element;
}

const promptOf = (r) => cols.prompt[r] || detailOf(r).prompt_sent || '(no prompt)';
const reasonOf = (r) => meta.words.reasons[cols.outcome_reason[r]] ?? cols.outcome_reason[r] ?? '';
const thumbSource = (name) => (name.startsWith('#') ? 'data:image/webp;base64,' + thumbs[name.slice(1)] : name);

function smallPicture(r) {
  const source = cols.thumb[r] ? thumbSource(cols.thumb[r]) : cols.image_uri[r];
  const picture = h('img', { alt: cols.prompt[r] || cols.row_id[r], loading: 'lazy', decoding: 'async', src: source });
  picture.addEventListener('error', () => picture.replaceWith(h('span', { class: 'muted' }, 'no preview')));
  return picture;
}

function frame(r) {
  if (cols.image_uri[r]) return h('div', { class: 'frame' }, smallPicture(r));
  const outcome = cols.outcome[r];
  if (outcome === 'succeeded') return h('div', { class: 'frame words succeeded' }, h('strong', {}, 'Answer'), h('span', { dir: 'auto' }, cols.answer_text[r] ?? cols.ocr_text[r] ?? ''));
  return h('div', { class: `frame words ${outcome}` },
    h('strong', {}, outcome), h('span', {}, reasonOf(r)),
    cols.refusal_stage[r] && h('span', {}, meta.words.stages[cols.refusal_stage[r]] ?? cols.refusal_stage[r]),
    risk[r] ? h('span', { class: 'risk' }, `may have cost up to ${usd(risk[r])}`) : null);
}

function facts(r) {
  const size = cols.width_px[r] ? `${cols.width_px[r]} × ${cols.height_px[r]}` : null;
  const cer = cols.cer[r];
  return h('div', { class: 'facts' },
    h('span', { class: 'model' }, cols.model[r]), size && h('span', {}, size),
    h('span', {}, cost[r] === null ? 'cost unknown' : cols.reused[r] ? 'reused' : usd(cost[r])),
    seconds(cols.generate_ms[r]) && h('span', {}, seconds(cols.generate_ms[r])),
    cer !== null && h('span', { class: cer <= 0.1 ? 'good' : 'bad', title: 'character error rate' }, `CER ${cer.toFixed(2)}`));
}

const pins = new Set();
function card(r) {
  const mark = !cols.current[r] ? h('span', { class: 'badge plain' }, 'earlier version')
    : cols.outcome[r] !== 'succeeded' ? null
    : cols.operation[r] !== 'generate' ? h('span', { class: 'badge plain' }, cols.operation[r]) : null;
  return h('article', { class: 'card' + (pins.has(r) ? ' pinned' : ''), 'data-row': r },
    h('button', { class: 'open', type: 'button', onclick: () => openDetail(r) }, frame(r),
      h('div', { class: 'text' }, h('div', { class: 'prompt', dir: 'auto' }, promptOf(r)), facts(r))),
    mark, h('button', { class: 'pin', type: 'button', title: 'Pick for comparison (p)', 'aria-pressed': String(pins.has(r)), onclick: () => togglePin(r) }, pins.has(r) ? 'picked' : 'pick'));
}

function togglePin(r) {
  if (pins.has(r)) pins.delete(r); else pins.add(r);
  for (const element of document.querySelectorAll(`.card[data-row="${Number(r)}"]`)) {
    element.classList.toggle('pinned', pins.has(r));
    element.querySelector('.pin').textContent = pins.has(r) ? 'picked' : 'pick';
    element.querySelector('.pin').setAttribute('aria-pressed', String(pins.has(r)));
  }
  showTray();
}

function showTray() {
  $('tray').hidden = pins.size === 0;
  $('tray-text').textContent = `${many(pins.size, 'result')} picked`;
  $('tray-compare').disabled = pins.size < 2;
}
