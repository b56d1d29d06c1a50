(function () {
  'use strict';

  const byId = (id) => document.getElementById(id);
  const HEAD = JSON.parse(byId('report').textContent);
  const { categories, images, model } = HEAD;
  const hasTruth = images.some((image) => image.truth);

  // ---- Building blocks ------------------------------------------------------------------------------------------------

  const isSvg = new Set(['svg', 'g', 'path', 'line', 'circle', 'rect', 'text', 'title', 'polyline']);

  /** An element; children are nodes or text, which is never read as HTML. */
  function make(tag, attributes = {}, ...children) {
    const node = isSvg.has(tag) ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (name === 'click') node.addEventListener('click', value);
      else node.setAttribute(name, value === true ? '' : String(value));
    }
    node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
    return node;
  }

  const digits = (x, count) => (Number.isFinite(x) ? x.toFixed(count).replace('-', '−') : '–');
  const two = (x) => digits(x, 2);
  const signed = (x) => `${x < 0 ? '−' : '+'}${two(Math.abs(x))}`;
  const three = (x) => digits(x, 3);
  const percent = (x) => (Number.isFinite(x) ? `${Math.round(100 * x)} %` : '–');
  const plural = (n, one, many = `${one}s`) => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
  const clamp = (x, low, high) => Math.min(high, Math.max(low, x));
  const at = (x) => `${100 * clamp(x, 0, 1)}%`;
  // The folder that all names begin with tells no image from another.
  const sharedFolder = images.reduce((shared, { name }) => {
    while (!name.startsWith(shared)) shared = shared.slice(0, shared.lastIndexOf('/', shared.length - 2) + 1);
    return shared;
  }, images.length ? images[0].name.slice(0, images[0].name.lastIndexOf('/') + 1) : '');
  const nameOf = (id) => (categories.find((c) => c.id === id) || { name: id }).name;

  /** A table with scrolling of its own; rows are arrays of text, nodes or cells. */
  function table(head, rows, { numbers = [], name = '', label = '' } = {}) {
    const kind = (i) => (numbers.includes(i) ? 'number' : null);
    const cell = (value, i) => {
      if (value instanceof HTMLTableCellElement) return value;
      return make(i === 0 ? 'th' : 'td', { class: kind(i), scope: i === 0 ? 'row' : null }, value);
    };
    return make('div', { class: 'scroll' }, make('table', { class: name, 'aria-label': label || null },
      make('thead', {}, make('tr', {}, head.map((text, i) => make('th', { scope: 'col', class: kind(i) }, text)))),
      make('tbody', {}, rows.map((row) => make('tr', {}, row.map(cell))))));
  }

  function terms(pairs) {
    return make('dl', { class: 'terms' }, pairs.flatMap(([term, ...text]) => [make('dt', {}, term), make('dd', {}, ...text)]));
  }

  /** Present is a square, absent a ring, uncertain a half-filled ring: told apart without colour. */
  function answer(decision) {
    const shapes = {
      present: [make('rect', { class: 'solid', x: 1, y: 1, width: 10, height: 10 })],
      absent: [make('circle', { cx: 6, cy: 6, r: 5 })],
      uncertain: [make('circle', { cx: 6, cy: 6, r: 5 }), make('path', { class: 'solid', d: 'M6 1a5 5 0 0 0 0 10z' })],
    };
    return make('span', { class: `answer ${decision}` },
      make('svg', { viewBox: '0 0 12 12', 'aria-hidden': 'true' }, shapes[decision] || []), decision || '–');
  }

  function bar(value) {
    const fill = make('i');
    fill.style.width = at(value || 0);
    return make('div', { class: 'bar', 'aria-hidden': 'true' }, fill);
  }

  const truthWord = (value) => (value === 1 ? 'present' : value === 0 ? 'absent' : 'not known');
  const contradicts = (decision, truth) =>
    (decision === 'present' && truth === 0) || (decision === 'absent' && truth === 1);
  const isWrong = (image) => !!image.truth && !image.error && image.d.some((d, c) => contradicts(d, image.truth[c]));

  function truthText(image) {
    if (!image.truth) return '';
    const present = categories.filter((_, c) => image.truth[c] === 1).map((c) => c.name);
    if (present.length) return present.join(', ');
    return image.truth.every((t) => t === 0) ? 'normal' : 'not fully known';
  }

  // ---- The list of images ---------------------------------------------------------------------------------------------

  const state = { order: [], chosen: -1, wantedMap: null, opacity: 0.6 };
  const list = byId('list');
  const rowsBox = byId('rows');
  const drawn = new Map();
  const LINES = Math.min(4, categories.length);
  const ROW = 40 + 22 * LINES + (hasTruth ? 20 : 0);
  list.style.setProperty('--row', `${ROW}px`);

  function sortChoices() {
    const choices = [['given', 'order of the run'], ['name', 'name']];
    categories.forEach((c, i) => choices.push([`p${i}`, `probability of ${c.name}, highest first`]));
    choices.push(['normal', 'probability of normal, lowest first'], ['warnings', 'most warnings first']);
    if (images.some((i) => Number.isFinite(i.error_size))) choices.push(['hardest', 'hardest errors first']);
    return choices;
  }

  function sortKey(choice) {
    if (choice === 'given') return (_, index) => index;
    if (choice === 'normal') return (image) => image.normal;
    if (choice === 'warnings') return (image) => -image.warnings;
    if (choice === 'hardest') return (image) => -(image.error_size ?? -1);
    const c = Number(choice.slice(1));
    return (image) => -(image.p?.[c] ?? 0);
  }

  /** Images that could not be read have no answer to sort by, so they come last either way. */
  function sorted(indices, choice, reverse) {
    const sign = reverse ? -1 : 1;
    const compare = choice === 'name'
      ? (a, b) => images[a].name.localeCompare(images[b].name, 'en', { numeric: true })
      : ((key) => (a, b) => key(images[a], a) - key(images[b], b))(sortKey(choice));
    const failed = (i) => (images[i].error && !['given', 'name'].includes(choice) ? 1 : 0);
    return indices.sort((a, b) => failed(a) - failed(b) || sign * compare(a, b) || a - b);
  }

  function passes(image) {
    const text = byId('search').value.trim().toLowerCase();
    const category = byId('category').value;
    const decision = byId('decision').value;
    if (text && !image.name.toLowerCase().includes(text)) return false;
    if (byId('only-warned').checked && !image.warnings) return false;
    if (byId('only-wrong').checked && !isWrong(image)) return false;
    if (!decision) return true;
    if (image.error) return false;
    return category === '' ? image.d.includes(decision) : image.d[Number(category)] === decision;
  }

  const filtering = () =>
    !!(byId('search').value.trim() || byId('decision').value || byId('only-warned').checked || byId('only-wrong').checked);

  function refresh() {
    const kept = images.map((_, i) => i).filter((i) => passes(images[i]));
    state.order = sorted(kept, byId('sort').value, byId('reverse').getAttribute('aria-pressed') === 'true');
    rowsBox.replaceChildren();
    drawn.clear();
    rowsBox.style.height = `${state.order.length * ROW}px`;
    byId('count').textContent = `${state.order.length.toLocaleString('en')} of ${plural(images.length, 'image')}`;
    byId('clear').hidden = !filtering();
    byId('export').disabled = state.order.length === 0;
    if (!state.order.length) {
      rowsBox.append(make('p', { class: 'empty' }, images.length ? 'No image fits the filters.' : 'The report holds no image.'));
    }
    drawRows();
    showPosition();
  }

  /** The rows in sight and the chosen one, which screen readers follow. */
  function drawRows() {
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 3);
    const last = Math.min(state.order.length - 1, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + 3);
    const wanted = new Set();
    for (let position = first; position <= last; position++) wanted.add(position);
    const chosen = state.order.indexOf(state.chosen);
    if (chosen >= 0) wanted.add(chosen);
    for (const [position, node] of drawn) {
      if (!wanted.has(position)) { node.remove(); drawn.delete(position); }
    }
    for (const position of [...wanted].sort((a, b) => a - b)) if (!drawn.has(position)) placeRow(position);
    markChosen();
  }

  function placeRow(position) {
    const index = state.order[position];
    const node = row(images[index], index, position);
    node.style.top = `${position * ROW}px`;
    const after = [...drawn.keys()].filter((p) => p > position).sort((a, b) => a - b)[0];
    rowsBox.insertBefore(node, after === undefined ? null : drawn.get(after));
    drawn.set(position, node);
  }

  function row(image, index, position) {
    const head = make('div', { class: 'row-name' }, make('b', { title: image.name }, image.name.slice(sharedFolder.length)));
    if (image.warnings) head.append(make('span', { class: 'tag' }, plural(image.warnings, 'warning')));
    if (isWrong(image)) head.append(make('span', { class: 'tag' }, '≠ truth'));
    const body = image.error ? [make('div', { class: 'small' }, 'Could not be read.')] : rowLines(image);
    return make('div', {
      class: 'row', role: 'option', id: `option-${index}`, 'data-index': index,
      'aria-setsize': state.order.length, 'aria-posinset': position + 1, 'aria-selected': 'false',
    }, head, body);
  }

  /** With many categories the row has room for the most noteworthy only. */
  function rowLines(image) {
    const shown = categories.map((_, c) => c);
    if (shown.length > LINES) {
      shown.sort((a, b) => (image.d[b] === 'present') - (image.d[a] === 'present') || image.p[b] - image.p[a]);
    }
    const lines = shown.slice(0, LINES).map((c) => {
      const { name } = categories[c];
      return make('div', { class: 'row-line' },
        make('span', { title: name }, name), bar(image.p[c]), make('span', { class: 'number' }, two(image.p[c])), answer(image.d[c]));
    });
    if (image.truth) lines.push(make('div', { class: 'row-truth' }, `Truth: ${truthText(image)}`));
    return lines;
  }

  function markChosen() {
    for (const [position, node] of drawn) {
      node.setAttribute('aria-selected', String(state.order[position] === state.chosen));
    }
    if (state.order.includes(state.chosen)) list.setAttribute('aria-activedescendant', `option-${state.chosen}`);
    else list.removeAttribute('aria-activedescendant');
  }

  /** Scrolls the list, not the page, until the chosen row is in sight. */
  function reveal() {
    const position = state.order.indexOf(state.chosen);
    if (position < 0) return;
    const top = position * ROW;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
  }

  function choose(index, { link = true } = {}) {
    if (!images[index]) return;
    state.chosen = index;
    if (link) history.replaceState(null, '', `#image-${index}`);
    reveal();
    drawRows();
    showDetail(index);
    byId('chosen').textContent = `${images[index].name}, ${byId('position').textContent}`;
  }

  function step(by) {
    if (!state.order.length) return;
    const position = state.order.indexOf(state.chosen);
    const next = position < 0 ? 0 : clamp(position + by, 0, state.order.length - 1);
    if (state.order[next] !== state.chosen) choose(state.order[next]);
  }

  const oneColumn = () => window.matchMedia('(max-width: 820px)').matches;

  function bindList() {
    let waiting = false;
    list.addEventListener('scroll', () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; drawRows(); });
    }, { passive: true });
    rowsBox.addEventListener('click', (event) => {
      const node = event.target.closest('.row');
      if (!node) return;
      choose(Number(node.dataset.index));
      if (oneColumn()) byId('detail').scrollIntoView();
    });
    list.addEventListener('keydown', (event) => {
      const page = Math.max(1, Math.floor(list.clientHeight / ROW) - 1);
      const far = state.order.length;
      const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -far, End: far };
      if (!(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      step(moves[event.key]);
    });
    window.addEventListener('resize', drawRows);
  }

  function bindControls() {
    byId('sort').append(...sortChoices().map(([value, text]) => make('option', { value }, text)));
    byId('category').append(make('option', { value: '' }, 'any category'),
      ...categories.map((c, i) => make('option', { value: i }, c.name)));
    byId('only-wrong-label').hidden = !hasTruth;
    byId('category').addEventListener('input', () => {
      if (byId('category').value && !byId('decision').value) byId('decision').value = 'present';
    });
    const again = () => { list.scrollTop = 0; refresh(); };
    for (const id of ['search', 'sort', 'category', 'decision', 'only-warned', 'only-wrong']) {
      byId(id).addEventListener('input', again);
    }
    byId('reverse').addEventListener('click', (event) => {
      const pressed = event.currentTarget.getAttribute('aria-pressed') === 'true';
      event.currentTarget.setAttribute('aria-pressed', String(!pressed));
      again();
    });
    byId('clear').addEventListener('click', () => {
      for (const id of ['search', 'category', 'decision']) byId(id).value = '';
      for (const id of ['only-warned', 'only-wrong']) byId(id).checked = false;
      again();
      byId('search').focus();
    });
    byId('export').addEventListener('click', saveCsv);
  }

  // ---- CSV ------------------------------------------------------------------------------------------------------------

  function csv(indices) {
    const quoted = (value) => {
      const text = value === null || value === undefined ? '' : String(value);
      return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    const head = ['image', ...categories.flatMap((c) => [`probability_${c.id}`, `decision_${c.id}`]), 'normal_probability', 'warnings'];
    const line = (image) => {
      const answers = categories.flatMap((_, c) => (image.error ? ['', ''] : [image.p[c], image.d[c]]));
      return [image.name, ...answers, image.error ? '' : image.normal, image.warnings];
    };
    return [head, ...indices.map((i) => line(images[i]))].map((cells) => cells.map(quoted).join(',') + '\r\n').join('');
  }

  function saveCsv() {
    const address = URL.createObjectURL(new Blob([csv(state.order)], { type: 'text/csv' }));
    const link = make('a', { href: address, download: 'sdmad-answers-research-use-only.csv' });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  }

  // ---- Maps -----------------------------------------------------------------------------------------------------------

  // Brightness rises evenly from violet to yellow, so the order of colours is seen without telling hues apart.
  const RAMP = [[24, 12, 90], [79, 18, 123], [137, 34, 106], [190, 55, 82], [228, 90, 49], [249, 142, 9], [249, 203, 53], [252, 253, 160]];

  function colour(value) {
    const x = clamp(value, 0, 1) * (RAMP.length - 1);
    const i = Math.min(RAMP.length - 2, Math.floor(x));
    return RAMP[i].map((from, channel) => from + (x - i) * (RAMP[i + 1][channel] - from));
  }

  const COLOURS = Array.from({ length: 256 }, (_, i) => colour(i / 255));

  function bytesOf(base64) {
    return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  }

  /** Four neighbours of a place between cell centres and their weights (Catmull-Rom), edges repeated. */
  function neighbours(length, cells) {
    return Array.from({ length }, (_, i) => {
      const x = ((i + 0.5) / length) * cells - 0.5;
      const cell = Math.floor(x), t = x - cell;
      const weights = [((2 - t) * t - 1) * t / 2, ((3 * t - 5) * t * t + 2) / 2, ((4 - 3 * t) * t + 1) * t / 2, ((t - 1) * t * t) / 2];
      return { from: [-1, 0, 1, 2].map((k) => clamp(cell + k, 0, cells - 1)), weights };
    });
  }

  /** A grid of bytes, row by row, as width x height values of 0 to 255 without steps. */
  function smooth(grid, [rows, columns], width, height) {
    const across = neighbours(width, columns), down = neighbours(height, rows);
    const wide = new Float32Array(rows * width);
    for (let r = 0; r < rows; r++) {
      across.forEach(({ from, weights }, x) => {
        wide[r * width + x] = weights.reduce((sum, w, k) => sum + w * grid[r * columns + from[k]], 0);
      });
    }
    const out = new Uint8ClampedArray(width * height);
    down.forEach(({ from, weights }, y) => {
      const [a, b, c, d] = from.map((r) => r * width);
      for (let x = 0; x < width; x++) {
        out[y * width + x] = weights[0] * wide[a + x] + weights[1] * wide[b + x] + weights[2] * wide[c + x] + weights[3] * wide[d + x];
      }
    });
    return out;
  }

  /** Low values are drawn more transparent, so that the map hides little where it says little. */
  const veil = (value) => Math.min(1, 0.3 + (1.4 * value) / 255);

  function paint(values, width, height) {
    const canvas = make('canvas', { width, height });
    const pixels = new ImageData(width, height);
    values.forEach((value, i) => {
      const ramp = COLOURS[value];
      pixels.data[4 * i] = ramp[0];
      pixels.data[4 * i + 1] = ramp[1];
      pixels.data[4 * i + 2] = ramp[2];
      pixels.data[4 * i + 3] = 255 * veil(value);
    });
    canvas.getContext('2d').putImageData(pixels, 0, 0);
    return canvas;
  }

  function mapsOf(detail) {
    if (!detail || !detail.grid) return [];
    const maps = [];
    const add = (key, group, label, data) => { if (data && !maps.some((m) => m.key === key)) maps.push({ key, group, label, data }); };
    add('any', 'In general', 'any anomaly', detail.any_map);
    detail.categories.forEach((c, i) => add(`category:${i}`, 'Categories', categories[i].name, c.map));
    detail.categories.forEach((c) => c.signs.forEach((s) => add(`sign:${s.sign}`, 'Signs', HEAD.signs[s.sign].text, s.map)));
    return maps;
  }

  /** Where a map is highest, in words. */
  function whereHighest(map, [rows, columns]) {
    const grid = bytesOf(map.data);
    let best = 0;
    grid.forEach((value, i) => { if (value > grid[best]) best = i; });
    const part = (cell, cells, names) => names[Math.min(2, Math.floor((3 * (cell + 0.5)) / cells))];
    const row = part(Math.floor(best / columns), rows, ['upper', 'middle', 'lower']);
    const column = part(best % columns, columns, ['left', 'centre', 'right']);
    const place = row === 'middle' && column === 'centre' ? 'centre' : `${row} ${column}`;
    return `highest value ${two(grid[best] / 255)}, in the ${place} of the picture`;
  }

  let view = null;

  function canvasSize(detail, picture) {
    const width = picture ? picture.naturalWidth : detail.width || detail.grid[1];
    const height = picture ? picture.naturalHeight : detail.height || detail.grid[0];
    const scale = clamp(720 / Math.max(width, height), 0.05, 4);
    return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  }

  function drawPicture() {
    if (!view || !view.canvas) return;
    const { canvas, picture, layer, seen } = view;
    const context = canvas.getContext('2d');
    context.globalAlpha = 1;
    context.fillStyle = '#0c0f12';
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (picture) context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    if (!layer) return;
    const place = [seen[0] * canvas.width, seen[1] * canvas.height, seen[2] * canvas.width, seen[3] * canvas.height];
    context.globalAlpha = state.opacity;
    context.drawImage(layer, ...place);
    context.globalAlpha = 1;
    if (isPart(seen)) frame(context, place);
  }

  const isPart = (seen) => seen[2] < 0.999 || seen[3] < 0.999;

  /** Dark and light dashes, so that it is seen on any picture. */
  function frame(context, [x, y, width, height]) {
    context.lineWidth = 2;
    for (const [colour, offset] of [['#000', 0], ['#fff', 6]]) {
      context.strokeStyle = colour;
      context.setLineDash([6, 6]);
      context.lineDashOffset = offset;
      context.strokeRect(x + 1, y + 1, width - 2, height - 2);
    }
  }

  function useMap(key) {
    if (!view || !view.canvas) return;
    const map = view.maps.find((m) => m.key === key);
    const { canvas, detail, seen } = view;
    view.map = map || null;
    view.layer = null;
    if (map) {
      const width = Math.max(1, Math.round(seen[2] * canvas.width)), height = Math.max(1, Math.round(seen[3] * canvas.height));
      view.layer = paint(smooth(bytesOf(map.data), detail.grid, width, height), width, height);
    }
    if (view.select) view.select.value = map ? map.key : 'none';
    const said = map ? `Map of “${map.label}”: ${whereHighest(map, detail.grid)}.` : 'No map is laid over the picture.';
    canvas.setAttribute('aria-label', `${images[state.chosen].name}. ${said}`);
    if (view.said) view.said.textContent = said;
    for (const button of document.querySelectorAll('[data-map]')) {
      button.setAttribute('aria-pressed', String(!!map && button.dataset.map === map.key));
    }
    drawPicture();
  }

  function wantMap(key) {
    state.wantedMap = key;
    useMap(key);
  }

  function nextMap() {
    if (!view || !view.maps.length) return;
    const keys = [...view.maps.map((m) => m.key), 'none'];
    const now = keys.indexOf(view.map ? view.map.key : 'none');
    wantMap(keys[(now + 1) % keys.length]);
  }

  function setOpacity(value) {
    state.opacity = clamp(value, 0, 1);
    if (view && view.slider) {
      view.slider.value = Math.round(100 * state.opacity);
      view.slider.setAttribute('aria-valuetext', percent(state.opacity));
      view.opacityText.textContent = percent(state.opacity);
    }
    drawPicture();
  }

  function mapSelect(maps) {
    const select = make('select', { id: 'map' });
    for (const group of [...new Set(maps.map((m) => m.group))]) {
      const members = maps.filter((m) => m.group === group);
      select.append(make('optgroup', { label: group }, members.map((m) => make('option', { value: m.key }, m.label))));
    }
    select.append(make('option', { value: 'none' }, 'no map, picture only'));
    select.addEventListener('input', () => wantMap(select.value));
    return select;
  }

  function legend() {
    const scale = make('canvas', { width: 256, height: 1, 'aria-hidden': 'true' });
    const pixels = new ImageData(256, 1);
    COLOURS.forEach(([red, green, blue], i) => pixels.data.set([red, green, blue, 255], 4 * i));
    scale.getContext('2d').putImageData(pixels, 0, 0);
    return make('div', { class: 'legend' }, make('span', {}, 'low 0'), scale, make('span', {}, '1 high'));
  }

  function mapControls() {
    view.select = mapSelect(view.maps);
    view.slider = make('input', { type: 'range', id: 'opacity', min: 0, max: 100, step: 1 });
    view.slider.addEventListener('input', () => setOpacity(Number(view.slider.value) / 100));
    view.opacityText = make('span', {});
    view.said = make('p', { class: 'small', id: 'map-said' });
    return [
      make('div', { class: 'map-controls' },
        make('label', {}, make('span', {}, 'Map of'), view.select),
        make('label', {}, make('span', {}, 'Opacity ', view.opacityText), view.slider)),
      legend(), view.said,
      make('p', { class: 'small soft' }, `${HEAD.maps || 'A map shows which parts of the picture speak for what is chosen.'} `
        + 'Low values are drawn more transparent. '
        + (isPart(view.seen) ? 'This map covers only what is inside the dashed frame. ' : '')
        + 'A map points; it does not outline, and a high value is no proof.'),
    ];
  }

  function pictureBlock(detail) {
    const maps = mapsOf(detail);
    view = { detail, maps, seen: detail.seen || [0, 0, 1, 1] };
    const missing = [];
    if (!detail.picture) missing.push('The picture was not put into this report.');
    if (!maps.length) missing.push('There is no map for this image.');
    if (!detail.picture && !maps.length) {
      return make('figure', { class: 'picture' }, make('p', { class: 'missing' }, missing.join(' ')));
    }
    view.canvas = make('canvas', { id: 'canvas', role: 'img', width: 8, height: 8 });
    const block = make('figure', { class: 'picture' }, make('div', { class: 'frame' }, view.canvas),
      missing.map((text) => make('p', { class: 'small' }, text)), maps.length ? mapControls() : null);
    startPicture(view);
    return block;
  }

  async function startPicture(mine) {
    if (mine.detail.picture) {
      const picture = new Image();
      picture.src = mine.detail.picture;
      try { await picture.decode(); mine.picture = picture; } catch { mine.unreadable = true; }
    }
    if (view !== mine) return;
    if (mine.unreadable) mine.canvas.after(make('p', { class: 'missing' }, 'The picture in this report cannot be shown.'));
    if (mine.picture || mine.maps.length) [mine.canvas.width, mine.canvas.height] = canvasSize(mine.detail, mine.picture);
    const wanted = state.wantedMap === 'none' || mine.maps.some((m) => m.key === state.wantedMap);
    setOpacity(state.opacity);
    useMap(wanted ? state.wantedMap : mine.maps.length ? mine.maps[0].key : 'none');
    byId('detail').dataset.ready = String(state.chosen);
  }

  // ---- One image ------------------------------------------------------------------------------------------------------

  function detailOf(index) {
    const node = byId(`image-${index}`);
    return node ? JSON.parse(node.textContent) : null;
  }

  function showDetail(index) {
    const image = images[index];
    const detail = detailOf(index);
    view = null;
    delete byId('detail').dataset.ready;
    const parts = [detailHead(image),
      make('div', { class: 'notice-row' }, make('p', { class: 'notice' }, HEAD.notice), make('a', { href: '#words', class: 'small' }, 'What the words mean'))];
    if (image.error) parts.push(failure(image));
    else {
      parts.push(warningBox(detail ? detail.warnings : []), truthLine(image));
      if (detail) {
        parts.push(make('div', { class: 'look' }, pictureBlock(detail), make('div', { class: 'answers' },
          glanceCard(image), categories.map((_, c) => categoryCard(image, detail, c)), nearestCard(detail))));
      } else {
        parts.push(make('p', { class: 'missing' }, 'This report holds only the figures of this image: no picture, map or sign.'),
          make('div', { class: 'answers' }, glanceCard(image), categories.map((_, c) => categoryCard(image, null, c))));
      }
    }
    byId('detail').replaceChildren(...parts.filter(Boolean));
    if (image.error || !view || !view.canvas) byId('detail').dataset.ready = String(index);
    showPosition();
  }

  /** The button is drawn anew with the image; focus stays where it was. */
  function stepByButton(by) {
    step(by);
    const button = document.querySelector(`[data-step="${by}"]`);
    (button.disabled ? byId('detail') : button).focus({ preventScroll: true });
  }

  function detailHead(image) {
    const button = (text, label, by) => make('button', { type: 'button', 'aria-label': label, 'data-step': by, click: () => stepByButton(by) }, text);
    const back = () => { byId('images').scrollIntoView(); list.focus({ preventScroll: true }); };
    return make('div', { class: 'detail-head' }, make('h2', { id: 'image-name' }, image.name),
      make('div', { class: 'buttons' },
        make('button', { type: 'button', class: 'to-list', click: back }, 'To the list'),
        make('span', { class: 'soft small', id: 'position' }),
        button('←', 'Previous image', -1), button('→', 'Next image', 1)));
  }

  function showPosition() {
    const place = byId('position');
    if (!place) return;
    const position = state.order.indexOf(state.chosen);
    place.textContent = position < 0 ? 'hidden by the filters' : `${position + 1} of ${state.order.length.toLocaleString('en')}`;
    document.querySelector('[data-step="-1"]').disabled = position === 0 || !state.order.length;
    document.querySelector('[data-step="1"]').disabled = position === state.order.length - 1;
  }

  function failure(image) {
    return make('div', { class: 'warnings', role: 'note' }, make('strong', {}, 'This image could not be read, so there is no answer.'), make('p', {}, image.error));
  }

  function warningBox(warnings) {
    if (!warnings.length) return null;
    return make('div', { class: 'warnings', role: 'note' }, make('strong', {}, `${plural(warnings.length, 'warning')}: read first`),
      make('ul', {}, warnings.map((text) => make('li', {}, text))));
  }

  function truthLine(image) {
    if (!image.truth) return null;
    const size = Number.isFinite(image.error_size) ? ` Largest difference between a probability and the truth: ${two(image.error_size)}.` : '';
    return make('p', {}, 'Known truth: ', make('strong', {}, truthText(image)), '.',
      isWrong(image) ? make('span', { class: 'wrong' }, ' At least one answer below contradicts it.') : '', size);
  }

  /** All answers in a few lines; which finding is there must not need scrolling. */
  function glanceCard(image) {
    const groups = ['present', 'uncertain', 'absent'].map((decision) => {
      const names = categories.filter((_, c) => image.d[c] === decision).map((c) => c.name);
      return names.length ? make('li', {}, answer(decision), make('span', {}, names.join(', '))) : null;
    });
    return make('section', { class: 'card' }, make('h3', {}, 'At a glance'), make('ul', { class: 'glance' }, groups),
      make('dl', { class: 'values' }, value('Probability of normal, with none of these findings', two(image.normal))),
      valueLine({ probability: image.normal, interval: null, threshold: null }),
      make('p', { class: 'small soft' }, 'Each finding is judged by itself: probabilities need not add up to 1, and answers come from a comparison with labelled images, not from the threshold.'));
  }

  function value(name, text) {
    return make('div', {}, make('dt', {}, name), make('dd', {}, text));
  }

  function explain(decision, category) {
    if (decision === 'present') return 'The score is higher than that of nearly all labelled images without this finding. That does not prove it.';
    if (decision === 'absent') return 'The score is lower than that of nearly all labelled images with this finding. That does not exclude it.';
    if (category.no_promise) return 'The model never decides here: the labelled images do not suffice to promise anything.';
    return 'The score fits images with this finding and images without it, or neither: the model does not decide.';
  }

  function categoryCard(image, detail, c) {
    const category = categories[c];
    const found = detail ? detail.categories[c] : { probability: image.p[c], interval: null, decision: image.d[c], threshold: category.threshold, signs: [] };
    const promise = category.no_promise ? `No promise: ${category.no_promise}` : category.promise ? `Promise: ${category.promise}` : null;
    return make('section', { class: 'card', 'data-category': category.id },
      make('div', { class: 'category-head' }, make('h3', {}, category.name), answer(found.decision)),
      make('p', { class: 'small' }, explain(found.decision, category)),
      promise ? make('p', { class: 'small soft' }, promise.replace(/\.?$/, '.')) : null,
      brokenPromises(category),
      truthOf(image, c, found.decision),
      valueLine(found),
      make('dl', { class: 'values' }, value('Probability', two(found.probability)),
        value('95 % interval', found.interval ? `${two(found.interval[0])} to ${two(found.interval[1])}` : 'none'),
        value('Threshold', two(found.threshold))),
      signsBlock(found, c));
  }

  /** Where a labelled set shows that the promise was not kept, every card of the finding says so. */
  function brokenPromises(category) {
    const broken = (HEAD.set?.coverage || []).filter((row) => row.category === category.id && row.covered !== null && row.covered < row.promised);
    return broken.map((row) => make('p', { class: 'small wrong' }, `≠ Not kept on this set: ${percent(1 - row.covered)} of the images `
      + `${row.class === 'present' ? 'with it were answered “absent”' : 'without it were answered “present”'} (promised: at most ${percent(1 - row.promised)}).`));
  }

  function truthOf(image, c, decision) {
    if (!image.truth) return null;
    const wrong = contradicts(decision, image.truth[c]);
    return make('p', { class: 'small' }, `Known truth: ${truthWord(image.truth[c])}. `,
      wrong ? make('span', { class: 'wrong' }, '≠ The answer contradicts it.') : '');
  }

  /** Probability with its interval on a line from 0 to 1, the threshold above. */
  function valueLine({ probability, interval, threshold }) {
    const y = threshold === null ? 12 : 30;
    const said = [`probability ${two(probability)}`, interval ? `interval ${two(interval[0])} to ${two(interval[1])}` : '',
      threshold === null ? '' : `threshold ${two(threshold)}`].filter(Boolean).join(', ');
    const drawing = make('svg', { role: 'img', 'aria-label': said },
      make('line', { class: 'axis', x1: '0%', x2: '100%', y1: y, y2: y }),
      [0, 0.25, 0.5, 0.75, 1].flatMap((x) => [
        make('line', { class: 'axis', x1: at(x), x2: at(x), y1: y - 4, y2: y + 4 }),
        make('text', { x: at(x), y: y + 20, 'text-anchor': 'middle' }, String(x))]),
      interval ? make('line', { class: 'range', x1: at(interval[0]), x2: at(interval[1]), y1: y, y2: y }) : null,
      threshold === null ? null : [
        make('line', { class: 'mark', x1: at(threshold), x2: at(threshold), y1: y - 13, y2: y + 6 }),
        make('text', { class: 'threshold', x: at(threshold), y: y - 18, 'text-anchor': threshold < 0.1 ? 'start' : threshold > 0.9 ? 'end' : 'middle' }, 'threshold')],
      make('circle', { class: 'dot', cx: at(probability), cy: y, r: 6 }));
    drawing.style.height = `${y + 24}px`;
    return make('div', { class: 'line' }, drawing);
  }

  const WHY_NOT = {
    uncertain: 'too undecided in this image',
    negative_margin: 'did not tell this finding apart on the labelled images',
    not_among_best: 'other signs told this finding apart better',
    outlier: 'far from the other signs in this image',
  };

  function signsBlock(found, c) {
    if (!found.signs.length) return null;
    const counted = found.signs.filter((s) => s.selected).length;
    const signs = [...found.signs].sort((a, b) => b.selected - a.selected || b.standardised - a.standardised);
    const block = make('details', { class: 'signs' },
      make('summary', {}, `Signs: ${counted} of ${found.signs.length} count for this answer`),
      make('p', { class: 'small soft' }, 'Phrases that the image is like, by what the model learned; not confirmed features. Those of one finding may exclude each other.'),
      table(['Sign', 'Evidence', 'Similarity', 'Against normal', 'Map'], signs.map((s) => signRow(s, c)),
        { numbers: [1, 2, 3], label: `Signs of ${categories[c].name}` }),
      found.beside_signs ? make('p', { class: 'small soft beside' }, `Beside these signs, its name and whether there is a finding at all add ${signed(found.beside_signs)} against normal.`) : null);
    block.open = found.decision === 'present';
    return block;
  }

  /** A sign's row; that it counts, or why not, stands below its text. */
  function signRow(s, c) {
    const sign = HEAD.signs[s.sign];
    const others = sign.categories.filter((id) => id !== categories[c].id).map(nameOf);
    const why = !s.selected && WHY_NOT[s.why_not] ? `: ${WHY_NOT[s.why_not]}` : '';
    const also = others.length ? `; also a sign of ${others.join(', ')}` : '';
    const key = `sign:${s.sign}`;
    const show = () => {
      wantMap(key);
      if (view && view.canvas) view.canvas.scrollIntoView({ block: 'nearest' });
    };
    return [
      make('th', { scope: 'row', class: s.selected ? null : 'out' }, sign.text, make('div', { class: 'small soft' }, make('strong', {}, s.selected ? 'counts' : 'does not count'), why, also)),
      signed(s.standardised), two(s.similarity), two(s.probability),
      make('td', { class: 'show' }, s.map
        ? make('button', { type: 'button', 'data-map': key, 'aria-pressed': 'false', 'aria-label': `Show the map of: ${sign.text}`, click: show }, 'Show')
        : '–'),
    ];
  }

  const labelsOf = (support) => (support.labels.length ? support.labels.map(nameOf).join(', ') : 'normal');

  function supportItem(support, similarity) {
    const picture = support.thumbnail ? make('img', { src: support.thumbnail, alt: '' }) : make('div', { class: 'blank' }, 'no picture here');
    return make('li', {}, picture, make('strong', {}, labelsOf(support)),
      similarity === null ? null : make('div', {}, `similarity ${two(similarity)}`), make('div', { class: 'soft' }, support.image));
  }

  function nearestCard(detail) {
    if (!detail.nearest.length) return null;
    return make('section', { class: 'card' }, make('h3', {}, 'Labelled images that look most like this one'),
      make('p', { class: 'small soft' }, 'Of those that the model learned from, with their labels. 1 would be the same to the encoder; likeness in looks is no diagnosis.'),
      make('ul', { class: 'nearest' }, detail.nearest.map((n) => supportItem(HEAD.support[n.support], n.similarity))));
  }

  // ---- The whole set --------------------------------------------------------------------------------------------------

  const GROUP_WORDS = [
    [/^P1/i, 'Normal or any anomaly? Images with any finding against normal images.'],
    [/^P2.*normal/i, 'Is it this finding? Images with it against normal images.'],
    [/^P2.*other/i, 'Is it this finding and not another? Images with it against images with other anomalies.'],
    [/^P2/i, 'Is it this finding? Against normal images, and against images with other anomalies.'],
    [/^P3/i, 'Which findings are there, in the whole set? Each finding against all images known to be without it.'],
    [/sign/i, 'Is a single sign there? Where the truth of signs is known.'],
    [/local|map/i, 'Do maps point to the right place? Compared with drawn outlines.'],
    [/answer|decision|coverage/i, 'Do the answers present, absent and uncertain keep their promise?'],
  ];
  const FIGURE_WORDS = [
    [/auroc/i, 'AUROC: how often an image with the finding scores higher than one without. 0.5 is chance, 1 is perfect.'],
    [/\b(m?AP|average precision)\b/, 'AP, average precision (mAP: its mean over findings): how pure the list is when images are sorted by score. Its chance level is the share of images with the finding.'],
    [/\bF1\b/i, 'F1: balance of missed and falsely called findings at the threshold; 1 is perfect.'],
    [/exact/i, 'Exact match: share of images in which every finding is right.'],
    [/hamming/i, 'Hamming loss: share of single yes-or-no calls that are wrong. Lower is better.'],
    [/calibration|\bECE\b/i, 'ECE, expected calibration error: how far probabilities are from how often they come true, on average. Lower is better.'],
    [/brier/i, 'Brier score: mean squared distance of probabilities from the truth. Lower is better.'],
    [/macro/i, 'Macro: mean over findings, each counting the same.'],
    [/micro/i, 'Micro: all findings and images pooled, so frequent findings count more.'],
  ];
  const lowerIsBetter = (name) => /hamming|calibration|\bECE\b|brier|uncertain|loss|error/i.test(name);

  function showSet() {
    const set = HEAD.set;
    if (!set) return;
    byId('set').hidden = byId('to-set').hidden = false;
    byId('set-body').append(make('p', { class: 'notice' }, HEAD.notice), ...[
      figuresPart(set.figures), curvesPart(set.curves), reliabilityPart(set.reliability),
      confusionPart(set.confusion), coveragePart(set.coverage), notesPart(set.notes)].filter(Boolean));
  }

  function part(title, text, ...content) {
    return make('div', { class: 'part' }, make('h3', {}, title), text ? make('p', { class: 'read' }, text) : null, ...content);
  }

  function figuresPart(figures) {
    if (!figures || !figures.length) return null;
    const groups = [...new Set(figures.map((f) => f.group))];
    const used = FIGURE_WORDS.filter(([pattern]) => figures.some((f) => pattern.test(f.name) || pattern.test(f.group)));
    return make('div', {},
      make('p', { class: 'read' }, 'How well the model answered on images of which the truth is known. P1, P2 and P3 are three questions (protocols) put to the same answers. In brackets the 95 % interval: '
        + 'where the figure might lie with other patients of the same kind. The scale beside it goes from 0 to 1, with a tick at 0.5.'),
      make('div', { class: 'cards roomy' }, groups.map((group) => figureCard(group, figures.filter((f) => f.group === group)))),
      make('ul', { class: 'small soft read' }, used.map(([, text]) => make('li', {}, text))));
  }

  function figureCard(group, figures) {
    const words = GROUP_WORDS.find(([pattern]) => pattern.test(group));
    return make('div', { class: 'card' }, make('h3', {}, group), words ? make('p', { class: 'small soft' }, words[1]) : null,
      table(['Figure', 'Value [interval]', ''], figures.map(figureRow), { numbers: [1], name: 'figures', label: group }));
  }

  function figureRow(figure) {
    const known = Number.isFinite(figure.value);
    const ends = Number.isFinite(figure.lo) && Number.isFinite(figure.hi) ? ` [${three(figure.lo)}, ${three(figure.hi)}]` : '';
    const notes = [figure.why, markText(figure.mark)].filter(Boolean).map((text) => make('div', { class: 'small soft' }, text));
    return [
      make('th', { scope: 'row' }, figure.name, lowerIsBetter(figure.name) ? make('span', { class: 'small soft' }, ' (lower is better)') : null, notes),
      make('td', { class: 'number' }, known ? [make('strong', {}, three(figure.value)), ends] : 'cannot be computed'),
      make('td', { class: 'drawn' }, known ? span(figure) : null),
    ];
  }

  const markText = (mark) => (mark === '*' || mark === 'few' ? 'few images: no claim rests on it' : mark);

  function span({ value: x, lo, hi }) {
    return make('svg', { class: 'span', 'aria-hidden': 'true' },
      make('line', { class: 'axis', x1: '0%', x2: '100%', y1: 6, y2: 6 }),
      [0, 0.5, 1].map((tick) => make('line', { class: 'axis', x1: at(tick), x2: at(tick), y1: 1, y2: 11 })),
      Number.isFinite(lo) && Number.isFinite(hi) ? make('line', { class: 'range', x1: at(lo), x2: at(hi), y1: 6, y2: 6 }) : null,
      make('circle', { class: 'dot', cx: at(x), cy: 6, r: 3.5 }));
  }

  const SIZE = 200, LEFT = 48, TOP = 10, BELOW = 44;
  const px = (x) => LEFT + SIZE * clamp(x, 0, 1);
  const py = (y) => TOP + SIZE * (1 - clamp(y, 0, 1));

  function plot(label, across, up, ...content) {
    const ticks = [0, 0.5, 1];
    return make('svg', { class: 'plot', role: 'img', 'aria-label': label, viewBox: `0 0 ${LEFT + SIZE + 12} ${TOP + SIZE + BELOW}` },
      make('path', { class: 'axis', d: `M${LEFT} ${TOP}h${SIZE}v${SIZE}h${-SIZE}z` }),
      ticks.map((t) => make('path', { class: 'axis', d: `M${px(t)} ${py(0)}v4M${LEFT} ${py(t)}h-4` })),
      ticks.map((t) => make('text', { x: px(t), y: py(0) + 18, 'text-anchor': 'middle' }, String(t))),
      ticks.map((t) => make('text', { x: LEFT - 8, y: py(t) + 4, 'text-anchor': 'end' }, String(t))),
      make('text', { x: px(0.5), y: py(0) + 38, 'text-anchor': 'middle' }, across),
      make('text', { transform: `translate(14 ${py(0.25)}) rotate(-90)`, 'text-anchor': 'middle' }, up), content);
  }

  const diagonal = () => make('path', { class: 'guide', d: `M${px(0)} ${py(0)}L${px(1)} ${py(1)}` });
  const polyline = (points) => make('polyline', { class: 'curve', points: points.map(([x, y]) => `${px(x)},${py(y)}`).join(' ') });

  /** Numbers behind a drawing, built when someone opens them: a curve can have thousands of points. */
  function numbers(summary, build) {
    const box = make('details', { class: 'small numbers' }, make('summary', {}, summary));
    box.addEventListener('toggle', () => { if (box.open && box.childElementCount === 1) box.append(build()); });
    return box;
  }

  function curvesPart(curves) {
    if (!curves || !curves.length) return null;
    return part('Curves', 'Left, ROC curve: for each possible threshold, the share of images with the finding that are found (sensitivity) against the share of images '
      + 'without it that are called falsely (1 − specificity); the dotted line is chance. Right, precision-recall curve: of the images called, '
      + 'how many have the finding (precision, positive predictive value), against sensitivity (recall).',
      make('div', { class: 'cards' }, curves.map(curveCard)));
  }

  function curveCard({ name, roc, pr }) {
    const none = () => make('p', { class: 'small soft' }, 'cannot be drawn: a class is missing');
    const pairs = (points, head) => table(head, points.map((point) => point.map(three)), { numbers: [0, 1] });
    return make('div', { class: 'card' }, make('h4', {}, name),
      make('div', { class: 'plots' },
        make('figure', {}, roc && roc.length ? plot(`ROC curve of ${name}`, 'falsely called', 'found', diagonal(), polyline(roc)) : none()),
        make('figure', {}, pr && pr.length ? plot(`Precision-recall curve of ${name}`, 'found (recall)', 'precision', polyline(pr)) : none())),
      roc && roc.length ? numbers('Numbers of the ROC curve', () => pairs(roc, ['falsely called', 'found'])) : null,
      pr && pr.length ? numbers('Numbers of the precision-recall curve', () => pairs(pr, ['found (recall)', 'precision'])) : null);
  }

  function reliabilityPart(bins) {
    if (!bins || !bins.length) return null;
    const most = Math.max(...bins.map((b) => b.count));
    const dots = bins.map((b) => make('circle', { class: 'dot', cx: px(b.predicted), cy: py(b.observed), r: 3 + 7 * Math.sqrt(b.count / most) },
      make('title', {}, `predicted ${two(b.predicted)}, observed ${two(b.observed)}, ${b.count}`)));
    return part('Can probabilities be taken at their word?', 'Reliability diagram: answers are put together by the probability that was stated; up goes how often the '
      + 'finding was there. On the dotted line both agree; below it the model claims too much, above it too little. All findings are taken together. Larger dots stand for more answers.',
      make('div', { class: 'plots' },
        make('figure', {}, plot('Reliability diagram; the table beside it has the numbers', 'stated probability', 'came true', diagonal(), dots)),
        table(['Stated (mean)', 'Came true', 'Answers'], bins.map((b) => [two(b.predicted), two(b.observed), b.count.toLocaleString('en')]),
          { numbers: [0, 1, 2], name: 'narrow', label: 'Numbers of the reliability diagram' })));
  }

  function confusionPart(confusion) {
    if (!confusion || !confusion.labels.length) return null;
    const { labels, rows } = confusion;
    const body = rows.map((counts, r) => {
      const total = counts.reduce((a, b) => a + b, 0);
      return [labels[r], ...counts.map((count, c) => confusionCell(count, total, r === c))];
    });
    return part('What is taken for what', 'Rows: the known truth. Columns: the most probable finding, if its probability is at least 0.5; so a column may name a finding where the answer is “uncertain”. Framed: the two agree. Shares are of the row. Images with several findings are left out.',
      make('div', { class: 'confusion' }, table(['truth ↓  most probable →', 'none at 0.5 or more', ...labels.slice(1)], body, { name: 'narrow', label: 'Confusion table' })));
  }

  function confusionCell(count, total, same) {
    const share = total ? count / total : 0;
    const cell = make('td', { class: same ? 'same' : null }, make('strong', {}, count.toLocaleString('en')), make('div', { class: 'small soft' }, percent(share)));
    cell.style.background = `color-mix(in srgb, var(--accent) ${Math.round(32 * share)}%, transparent)`;
    return cell;
  }

  function coveragePart(coverage) {
    if (!coverage) return null;
    const note = (text) => make('div', { class: 'small soft' }, text);
    const rows = coverage.map((r) => [
      make('th', { scope: 'row' }, nameOf(r.category), note((r.class === 'present' ? 'images with it' : 'images without it') + (r.wide ? '; few, so only roughly known' : ''))), two(r.promised),
      [two(r.covered), r.covered !== null && r.covered < r.promised ? make('div', { class: 'small wrong' }, '≠ not kept') : ''], percent(r.uncertain),
      r.count.toLocaleString('en')]);
    return part('Do the answers keep their promise?', 'An answer is wrong when it is “absent” for an image with the finding or “present” for one without; “uncertain” is never wrong. '
      + 'Not wrong: the share of images for which the answer was not wrong, to be compared with what was promised. A model could promise much by always '
      + 'saying “uncertain”, so that share stands beside it.',
      table(['Category', 'Promised', 'Not wrong', 'Uncertain', 'Images'], rows, { numbers: [1, 2, 3, 4], name: 'narrow', label: 'Coverage' }));
  }

  function notesPart(notes) {
    return notes && notes.length ? part('Notes', '', make('ul', {}, notes.map((text) => make('li', {}, text)))) : null;
  }

  // ---- Words and model ------------------------------------------------------------------------------------------------

  function showWords() {
    const coverage = `${Math.round(100 * model.coverage)} of 100`;
    byId('words-body').append(make('p', { class: 'read' }, 'The model has seen few labelled images (“shots”) of each finding, and short descriptions of visual signs. '
      + 'For each new image it says how probable each finding is, and decides only where the labelled images bear it out.'),
    terms([
      ['Category', 'A finding that the model was asked about. An image can have several, or none: then it is normal.'],
      ['Present', `By the stated coverage, the image is unlike the labelled images without the finding. `, answer('present')],
      ['Absent', `By the stated coverage, the image is unlike the labelled images with the finding; it may have it all the same. `, answer('absent')],
      ['Uncertain', 'The image is like labelled images with the finding and like those without, or like neither. It means that the model does not know; it is neither a mild finding nor an alarm. ', answer('uncertain')],
      ['Coverage', `How often answers shall not be wrong: here for at least ${coverage} images with a finding, and ${coverage} without it. It is a promise about many images like the labelled ones, not about a single image.`],
      ['Probability', 'How probable the finding is in a set made up like the labelled images. In a set in which the finding is rarer, it is less probable than the number says.'],
      ['95 % interval', 'How far the probability might be off because it was fitted on few images. It says nothing about images of another kind. None where nothing could be fitted.'],
      ['Out of fold', 'Measured on labelled images that were kept apart while the rest was learned from. What the model promises rests on such scores.'],
      ['Threshold', 'The probability that told images with and without the finding apart best, on the labelled images. The answers present, absent and uncertain do not follow from it.'],
      ['Sign', 'A short description of something visible. Signs were written for the bank, not measured by a person in this image.'],
      ['Evidence', 'How much speaks for the sign being there (above 0) or not (below 0), by its words and the labelled images. Signs of one image can be compared by it. It is not calibrated: nobody confirmed signs in the labelled images. Where the model reads no words, or trusts its labelled images more, 0 is an average image.'],
      ['Similarity of a sign', 'How well the image fits the sign. About 1: like the findings that the sign belongs to; about 0: unlike them.'],
      ['Against normal', 'The similarity of a sign set against that of the signs of normal, from 0 to 1. 0.5: no difference. It is no calibrated probability.'],
      ['Counts', 'Whether the sign takes part in the answer. Some are left out by rule, and the reason is given.'],
      ['Map', HEAD.maps || 'Which parts of the picture speak for what is chosen.'],
      ['Truth', 'What the data set says of the image, where it says anything. “≠ truth”: an answer of present or absent contradicts it.'],
      ['Size of the error', 'The largest difference, over the findings, between a probability and the truth (1 or 0); “hardest errors first” sorts by it.'],
      ['Warning', 'Something about the image or the model that the reader of its answers should know first.'],
    ]));
  }

  const FACT_WORDS = {
    alignment: 'what taught the model beforehand, on drawn findings, what the words of signs look like',
    selection: 'by which rule signs are left out',
    maps: 'what maps were learned from',
  };

  function showModel() {
    const facts = [['Method', model.method], ['Encoder', model.encoder, 'the networks that turn images and words into numbers; they were not trained on these images'],
      ['Precision', model.precision, 'how finely numbers are kept while computing'], ['Sign bank', model.bank, 'the list of signs'],
      ['Shots', model.shots, 'labelled images of each finding and of normal'], ['Draw', model.draw, 'which random choice of labelled images'],
      ['Coverage', model.coverage, 'how often answers shall not be wrong'], ['sdmad', model.sdmad, 'version of the program'], ...(model.facts || []).map(([name, text]) => [name, text, FACT_WORDS[name.toLowerCase()]])];
    const filled = facts.filter(([, text]) => text !== null && text !== undefined && text !== '');
    byId('model-body').append(
      terms(filled.map(([name, text, words]) => [name, String(text), words ? make('span', { class: 'soft' }, ` – ${words}`) : ''])),
      make('h3', {}, 'Fingerprints'), make('p', { class: 'soft small' }, 'SHA-256 hashes: two reports with the same ones come from the same model and data.'),
      terms((model.hashes || []).map(([name, text]) => [name, make('span', { class: 'hash' }, text || 'none')])),
      HEAD.support.length ? make('div', { class: 'all-support' }, make('h3', {}, `The ${plural(HEAD.support.length, 'labelled image')} that the model learned from`),
        make('ul', { class: 'nearest' }, HEAD.support.map((s) => supportItem(s, null)))) : '');
  }

  // ---- The page -------------------------------------------------------------------------------------------------------

  function showTop() {
    byId('title').textContent = HEAD.title;
    for (const node of document.querySelectorAll('[data-notice]')) node.textContent = HEAD.notice;
    const learned = String(model.shots) === '0' ? ' that learned from words, without labelled images'
      : model.shots ? ` that learned from ${model.shots} labelled images of each finding and of normal` : '';
    byId('lead').textContent = `Answers of a model${learned} (sign bank “${model.bank}”, method “${model.method}”) for ${plural(images.length, 'image')}. `
      + 'Every answer is about what the model sees in one picture, without patient or history: not a diagnosis. It learned from as many images of each kind; where findings are rarer, its probabilities are too high.';
  }

  function fromLink() {
    const match = /^#image-(\d+)$/.exec(location.hash);
    return match && images[Number(match[1])] ? Number(match[1]) : -1;
  }

  function openFolded(hash) {
    const target = byId(hash.slice(1));
    if (target && target.tagName === 'DETAILS') { target.open = true; target.scrollIntoView(); }
  }

  function follow() {
    const index = fromLink();
    if (index < 0) return openFolded(location.hash);
    choose(index, { link: false });
    (oneColumn() ? byId('detail') : byId('images')).scrollIntoView();
  }

  const typing = (node) => node.closest('input[type=search], select, textarea, dialog');
  const slides = (event) => event.target.type === 'range' && event.key.startsWith('Arrow');

  const KEYS = {
    j: () => step(1), k: () => step(-1), ArrowRight: () => step(1), ArrowLeft: () => step(-1),
    '/': () => { byId('search').focus(); byId('search').select(); },
    '[': () => setOpacity(state.opacity - 0.1), ']': () => setOpacity(state.opacity + 0.1),
    m: nextMap, '?': () => byId('help').showModal(),
  };

  function bindKeys() {
    document.addEventListener('keydown', (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === 'Escape' && event.target === byId('search')) return list.focus();
      if (typing(event.target) || slides(event) || !Object.hasOwn(KEYS, event.key)) return;
      event.preventDefault();
      KEYS[event.key]();
    });
    byId('open-help').addEventListener('click', () => byId('help').showModal());
    document.addEventListener('click', (event) => {
      const link = event.target.closest('a[href^="#"]');
      if (link) openFolded(link.getAttribute('href'));
    });
    byId('print').addEventListener('click', () => window.print());
  }

  /** Paper cannot unfold anything. */
  function bindPrint() {
    let folded = [];
    window.addEventListener('beforeprint', () => {
      folded = [...document.querySelectorAll('details:not([open]):not(.numbers)')];
      folded.forEach((node) => { node.open = true; });
    });
    window.addEventListener('afterprint', () => folded.forEach((node) => { node.open = false; }));
  }

  showTop();
  showSet();
  showWords();
  showModel();
  bindControls();
  bindList();
  bindKeys();
  bindPrint();
  refresh();
  window.addEventListener('hashchange', follow);
  if (fromLink() >= 0) follow();
  else if (state.order.length) { choose(state.order[0], { link: false }); openFolded(location.hash); }
}());
