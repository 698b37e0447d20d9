'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const $ = (id) => document.getElementById(id);
  const GUTTER = 104, HEAD = 46, ROW = 28, ROW_MIN = 0.05, ROW_MAX = 56, LABEL_MIN = 14, DENSE = 4, BAND = 26, GAP = 16;
  const GAP_NANOS = 1e6, LOGS = 200, CHAR = 6.95, SVG = 'http://www.w3.org/2000/svg';
  const ZOOMS = [2, 4, 7, 11, 16, 22, 28, 36, 46, 56];

  const put = (node, attributes, children) => {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? '' : value);
    }
    node.append(...(children || []).filter((child) => child !== null && child !== ''));
    return node;
  };
  const make = (tag, attributes, ...children) => put(document.createElement(tag), attributes, children);
  const draw = (tag, attributes, ...children) => put(document.createElementNS(SVG, tag), attributes, children);

  const clean = (text) => text.replace(/\u001b\[[0-9;?]*[ -\/]*[@-~]/g, '')
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, (c) => '\\x' + c.charCodeAt(0).toString(16).padStart(2, '0'));
  const seconds = (nanos) => (nanos / 1e9).toFixed(6);
  const span = (nanos) => nanos >= 6e10 ? (nanos / 6e10).toFixed(1) + ' min' : nanos >= 9.995e8 ? (nanos / 1e9).toFixed(1) + ' s'
    : nanos >= 1e6 ? (nanos / 1e6).toFixed(0) + ' ms' : (nanos / 1e3).toFixed(0) + ' µs';
  const count = (number) => number.toLocaleString('en-US');
  const named = (task) => task || 'world';

  // What a call's last word says of its direction.
  const IN = new Set(['send', 'write', 'publish', 'post', 'append', 'signal', 'rename', 'kill', 'connect',
    'truncate', 'unlink', 'mkdir', 'rmdir', 'symlink', 'link', 'fsync', 'fdatasync', 'utimens', 'shutdown', 'close', 'bind', 'listen']);
  const OUT = new Set(['receive', 'recv', 'read', 'wait', 'accept', 'consume']);
  const way = (kind) => {
    const verb = kind.split(/[.-]/).pop();
    return IN.has(verb) ? 'in' : OUT.has(verb) ? 'out' : 'other';
  };
  const KINDS = { vol: 'file', file: 'file', fs: 'file', mq: 'queue', msg: 'queue', queue: 'queue', tcp: 'connection', udp: 'datagrams',
    sem: 'semaphore', shm: 'memory', pipe: 'pipe', proc: 'process', process: 'process' };
  const objectKind = (object) => {
    const prefix = object.split(':')[0];
    if (prefix === 'tcp' && !object.includes('⇄')) return 'port';
    return prefix === object ? 'object' : KINDS[prefix] || prefix;
  };
  // What a pod does, and no container.
  const STATE = new Set(['event', 'status']);
  /** Containers first, then pods, then the world. */
  const rank = (task) => task === '' ? 2 : pods.has(task) ? 1 : 0;
  const objectName = (object) => KINDS[object.split(':')[0]] ? object.slice(object.indexOf(':') + 1) : object;

  const state = { report: 0, text: '', task: new Set(), object: new Set(), kind: new Set(), select: null, row: ROW, scale: 'even', theme: null, pods: false };
  let report, events, byNumber, logs, shown, tops, total, lanes, width, colors, pods;

  /** The lane of a task: `worker@1` is `worker` after a restart; a fault is drawn where it strikes. */
  const homes = (tasks) => {
    const base = (task) => task.replace(/@\d+/, '');
    const isFault = (task) => task.startsWith('fault:');
    const known = new Set(tasks.filter((task) => !isFault(task)).map(base));
    return tasks.map((task) => isFault(task) ? task.split(/[ >-]+/).slice(1).find((word) => known.has(word)) || '' : base(task));
  };

  /** Both directions of a connection are one thing: `tcp:49152 ⇄ 127.0.0.1:8080`, the client without its address. */
  const whole = (object) => {
    const ends = /^tcp:(.+)>(.+)$/.exec(object);
    if (!ends) return object;
    const port = (end) => Number(end.slice(end.lastIndexOf(':') + 1));
    const [client, server] = ends.slice(1).sort((one, two) => port(two) - port(one));
    return `tcp:${port(client)} ⇄ ${server}`;
  };

  const load = (index) => {
    state.report = index;
    report = data.reports[index];
    const colorOf = new Map(), home = homes(report.tasks);
    events = report.events.map(([n, t, task, kind, object, detail, result, fuel], at) => {
      const event = { at, n, t, who: report.tasks[task], task: home[task], kind: report.kinds[kind], on: report.objects[object], object: whole(report.objects[object]),
        detail: detail || '', result: result || '', fuel: fuel || 0 };
      if (event.kind.startsWith('fault') && home.includes(event.object)) { event.task = event.object; event.object = ''; }
      if (event.task && !STATE.has(event.kind) && !colorOf.has(event.task)) colorOf.set(event.task, colorOf.size % 8);
      event.search = [named(event.task), event.who, event.kind, event.on, event.object, event.detail, event.result].join(' ').toLowerCase();
      return event;
    });
    const acts = new Set(events.filter((event) => !STATE.has(event.kind)).map((event) => event.task));
    pods = new Set(events.map((event) => event.task).filter((task) => task && !acts.has(task)));
    colors = (task) => colorOf.has(task) ? `var(--t${colorOf.get(task)})` : 'var(--soft)';
    byNumber = new Map(events.map((event) => [event.n, event]));
    logs = events.filter((event) => event.kind === 'log');
  };

  const decisive = () => {
    const pair = report.decisive && [byNumber.get(report.decisive.before), byNumber.get(report.decisive.after)];
    return pair && pair[0] && pair[1] ? pair : null;
  };
  const failed = () => report.failed_at === null ? null : byNumber.get(report.failed_at) || null;

  // ---- what is shown

  const filter = () => {
    const terms = state.text.toLowerCase().split(/\s+/).filter(Boolean);
    const any = terms.length || state.task.size || state.object.size || state.kind.size;
    const kept = new Set([failed(), ...decisive() || []]);
    const isQuiet = (event) => !any && !state.pods && pods.has(event.task) && !kept.has(event) && event.n !== state.select;
    $('pods').hidden = !pods.size;
    $('pods').setAttribute('aria-pressed', state.pods);
    shown = events.filter((event) => (!state.task.size || state.task.has(named(event.task)))
      && (!state.object.size || state.object.has(event.object))
      && (!state.kind.size || state.kind.has(event.kind))
      && terms.every((term) => event.search.includes(term)) && !isQuiet(event));
    $('clear').hidden = !any;
    $('count').textContent = shown.length < events.length ? `${count(shown.length)} of ${count(events.length)} events` : `${count(events.length)} events`;
    $('nothing').hidden = shown.length > 0;
    for (const what of ['task', 'object', 'kind']) $('menu-' + what).classList.toggle('on', state[what].size > 0);
    arrange();
  };

  /** The lanes: containers in order of appearance, then objects, those of the deciding events first, the busiest next. */
  const arrange = () => {
    const tasks = [...new Set(events.map((event) => event.task))].filter((task) => !state.task.size || state.task.has(named(task)))
      .filter((task) => !pods.has(task) || shown.some((event) => event.task === task))
      .sort((one, two) => rank(one) - rank(two));
    const uses = new Map();
    for (const event of shown) if (event.object) uses.set(event.object, (uses.get(event.object) || 0) + 1);
    const first = new Set((decisive() || []).map((event) => event.object));
    const objects = [...uses.keys()].sort((one, two) => first.has(two) - first.has(one) || uses.get(two) - uses.get(one));
    const number = tasks.length + objects.length;
    const each = Math.max(92, Math.min(210, ($('diagram').clientWidth - GUTTER - 24) / Math.max(1, number)));
    lanes = new Map();
    let x = GUTTER + each / 2;
    for (const task of tasks) { lanes.set('c' + task, { x, each, task, name: named(task) }); x += each; }
    for (const object of objects) { lanes.set('o' + object, { x, each, object, name: objectName(object) }); x += each; }
    width = Math.max($('diagram').clientWidth, x - each / 2 + 24);
    heads();
    place();
  };

  /** The end of a name says more than its beginning. */
  const tail = (name, room) => {
    const most = Math.floor((room - 10) / CHAR);
    return name.length > most ? '…' + name.slice(name.length - most + 1) : name;
  };

  const heads = () => {
    const nodes = [...lanes.values()].map((lane) => {
      const isTask = lane.object === undefined;
      const head = make('div', { class: 'head ' + (isTask ? 'who-lane' : 'thing'), title: isTask ? lane.name : lane.object,
        style: `left:${lane.x - lane.each / 2}px;width:${lane.each}px` + (isTask ? `;color:${colors(lane.task)}` : '') },
        make('b', {}, isTask ? lane.name : tail(lane.name, lane.each)), make('small', {}, isTask ? (pods.has(lane.task) ? 'pod' : /:\d+$/.test(lane.task) ? 'process' : lane.task ? 'container' : '') : objectKind(lane.object)));
      return head;
    });
    $('heads').replaceChildren(make('div', { class: 'gutter' }, 'time, s'), ...nodes);
    $('heads').style.width = width + 'px';
  };

  const isDense = () => state.row < DENSE;

  /** Where each shown event is: `tops`, in pixels. */
  const place = () => {
    const pair = decisive(), bad = failed(), dense = isDense();
    tops = new Float64Array(shown.length);
    let y = 0, last = null, isTurnDue = Boolean(pair), isEndDue = Boolean(bad);
    shown.forEach((event, index) => {
      const passed = last ? event.t - last.t : 0;
      if (isEndDue && event.at > bad.at) { y += dense ? 0 : BAND; isEndDue = false; }
      if (state.scale === 'time' && last) y += state.row * 0.45 * Math.log10(1 + passed / 1000);
      else if (!dense && state.row >= LABEL_MIN && passed >= GAP_NANOS) y += GAP;
      if (isTurnDue && event.at >= pair[1].at) { y += dense ? 0 : BAND; isTurnDue = false; }
      tops[index] = y;
      y += state.row;
      last = event;
    });
    total = y + BAND + 12;
    // What is drawn further down than the room reaches would keep it scrolled there.
    put($('drawing'), { height: 0 });
    $('drawing').style.top = '0px';
    $('drawing').replaceChildren();
    $('room').style.height = total + 'px';
    $('room').style.width = width + 'px';
    mapBase = null;
    render();
  };

  /** The first shown event whose row ends below `y`. */
  const indexAt = (y) => {
    let low = 0, high = shown.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (tops[middle] + state.row > y) high = middle; else low = middle + 1;
    }
    return low;
  };
  const indexOf = (event) => {
    let low = 0, high = shown.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (shown[middle].at < event.at) low = middle + 1; else high = middle;
    }
    return low;
  };

  // ---- drawing

  const render = () => {
    const box = $('diagram'), svg = $('drawing');
    const height = Math.max(80, box.clientHeight - HEAD), top = box.scrollTop;
    const from = Math.max(0, indexAt(top - 60)), to = Math.min(shown.length, indexAt(top + height + 60) + 1);
    const y0 = Math.max(0, top - 80), y1 = Math.min(Math.max(total, height), top + height + 80);
    put(svg, { width, height: y1 - y0, viewBox: `0 ${y0} ${width} ${y1 - y0}` });
    svg.style.top = y0 + 'px';
    const lives = draw('g', {}), rows = draw('g', {}), over = draw('g', {}), gutter = draw('g', { id: 'gutter' });
    for (const lane of lanes.values()) lives.append(life(lane, y0, y1));
    gutter.append(draw('rect', { class: 'gutter', x: 0, y: y0, width: GUTTER - 4, height: y1 - y0 }));
    if (isDense()) dense(rows, gutter, from, to);
    else for (let index = from; index < to; index++) { rows.append(row(index)); aside(gutter, index); }
    bands(over, gutter, from, to);
    svg.replaceChildren(lives, rows, over, gutter);
    slide();
    drawMap();
  };

  const slide = () => { const gutter = $('gutter'); if (gutter) gutter.setAttribute('transform', `translate(${$('diagram').scrollLeft} 0)`); };

  const life = (lane, y0, y1) => {
    if (lane.object !== undefined) return draw('line', { class: 'life', x1: lane.x, x2: lane.x, y1: y0, y2: y1 });
    const color = colors(lane.task);
    return draw('line', { x1: lane.x, x2: lane.x, y1: y0, y2: y1, stroke: color, 'stroke-width': 2, 'stroke-opacity': .28 });
  };

  const isFault = (event) => event.who.startsWith('fault:');
  const actor = (event) => isFault(event) ? event.who : named(event.task);

  const marked = (event) => {
    const pair = decisive(), classes = ['row'];
    if (pair && pair.includes(event)) classes.push('decides');
    if (event === failed()) classes.push('fails');
    if (event.kind.startsWith('fault')) classes.push('fault');
    if (event.n === state.select) classes.push('picked');
    return classes.join(' ');
  };

  /** Whether the detail says what the kind does: `exit 1`. */
  const repeats = (event) => event.detail.startsWith(event.kind + ' ');

  const sentence = (event) => {
    const parts = [event.who || named(event.task), repeats(event) ? '' : event.kind, event.on, clean(event.detail)].filter(Boolean).join(' ');
    return parts + (event.result && event.result !== 'ok' ? ' → ' + event.result : '');
  };

  const row = (index) => {
    const event = shown[index], y = tops[index], h = state.row;
    const group = draw('g', { class: marked(event), id: 'e' + event.n, role: 'option', 'data-n': event.n,
      'aria-selected': event.n === state.select ? 'true' : 'false', 'aria-posinset': index + 1, 'aria-setsize': shown.length,
      'aria-label': `${event.n}: ${seconds(event.t)} seconds, ${sentence(event)}` });
    group.append(draw('rect', { class: 'row-wash', x: 0.5, y: y + 0.5, width: width - 1, height: Math.max(0, h - 1), rx: 3 }));
    const lane = lanes.get('c' + event.task), thing = event.object ? lanes.get('o' + event.object) : null;
    const color = colors(event.task), roomy = h >= 22, line = y + below(event);
    if (!lane) return group;
    if (thing) wire(group, event, lane.x, thing.x, line, color);
    const small = h < LABEL_MIN ? 2.5 : 4.5;
    group.append(mark(event, lane.x, line, small, color));
    if (h >= LABEL_MIN) group.append(label(event, lane.x + 11, thing && roomy ? line - 5 : line + 4, Boolean(thing)));
    return group;
  };

  /** How far down its row an event is drawn: there is text above a line. */
  const below = (event) => event.object && state.row >= 22 ? state.row - 8 : state.row / 2;

  const wire = (group, event, x1, x2, y, color) => {
    const blocked = event.result === 'blocked', direction = way(event.kind);
    group.append(draw('line', { class: 'wire' + (blocked ? ' blocked' : ''), x1, x2, y1: y, y2: y, stroke: color }));
    const size = state.row < LABEL_MIN ? 3 : 5;
    const [tip, back] = direction === 'in' ? [x2 - 2, -1] : [x1 + 5, 1];
    if (direction !== 'other' && !blocked) {
      group.append(draw('path', { d: `M${tip} ${y}l${back * size * 1.7} ${-size}v${2 * size}z`, fill: color }));
    }
    if (direction !== 'in') {
      group.append(draw('rect', { x: x2 - 3, y: y - 3, width: 6, height: 6, rx: 1.5, fill: blocked ? 'var(--card)' : color, stroke: color }));
    }
  };

  const mark = (event, x, y, r, color) => {
    const shape = (d, fill) => draw('path', { class: 'node', d, fill });
    if (event.kind.startsWith('fault')) return shape(`M${x + 2} ${y - 9}l-8 10h5l-2 8l8 -11h-5z`, 'var(--fail)');
    if (event.kind === 'start') return shape(`M${x - r} ${y - r}l${2.2 * r} ${r}l${-2.2 * r} ${r}z`, color);
    if (event.kind === 'exit' || event.kind === 'end') return draw('rect', { class: 'node', x: x - r, y: y - r, width: 2 * r, height: 2 * r, fill: color });
    if (event.kind === 'log') return draw('rect', { x: x - r, y: y - 1.5, width: 2 * r, height: 3, rx: 1.5, fill: color });
    return draw('circle', { class: 'node', cx: x, cy: y, r, fill: color });
  };

  const label = (event, x, y, hasThing) => {
    const text = draw('text', { class: 'halo', x, y });
    let left = Math.max(12, Math.floor((width - x - 8) / CHAR));
    const add = (what, kind) => {
      const whole = clean(what).replace(/\s+/g, ' ');
      const piece = whole.length > left ? whole.slice(0, Math.max(0, left - 1)) + '…' : whole;
      if (left > 1 && piece) text.append(draw('tspan', kind ? { class: kind } : {}, piece));
      left -= piece.length;
    };
    if (event.kind === 'log') {
      add('“' + event.detail.slice(0, 400) + '”', 'soft');
      return text;
    }
    if (!repeats(event)) add(event.kind);
    if (event.who !== event.task) add(' ' + event.who, 'soft');
    if (event.object && !hasThing) add(' ' + event.object, 'soft');
    if (repeats(event)) add(event.detail, event.detail === 'exit 0' ? 'soft' : 'bad');
    else if (event.detail) add(' ' + event.detail.slice(0, 400), 'soft');
    if (event.result === 'blocked') add(' waits', 'soft');
    else if (event.result && event.result !== 'ok') add(' → ' + event.result, event.result === 'closed' ? 'soft' : 'bad');
    return text;
  };

  const aside = (gutter, index) => {
    const event = shown[index], y = tops[index], h = state.row, before = shown[index - 1];
    gutter.append(draw('rect', { x: GUTTER - 9, y, width: 4, height: h + 0.5, fill: colors(event.task) }));
    if (h >= LABEL_MIN && (!before || before.t !== event.t)) {
      gutter.append(draw('text', { class: 'at', x: GUTTER - 16, y: y + h / 2 + 4, 'text-anchor': 'end' }, seconds(event.t)));
    }
    if (before && event.t - before.t >= GAP_NANOS && y - tops[index - 1] >= h + GAP) {
      const middle = (tops[index - 1] + h + y) / 2 + 4;
      gutter.append(draw('text', { class: 'pass', x: GUTTER - 16, y: middle, 'text-anchor': 'end' }, '⋮ ' + span(event.t - before.t)));
    }
  };

  /** Many events in few pixels: one path for each container. */
  const dense = (rows, gutter, from, to) => {
    const paths = new Map();
    let written = -Infinity;
    for (let index = from; index < to; index++) {
      const event = shown[index], lane = lanes.get('c' + event.task), thing = event.object ? lanes.get('o' + event.object) : null;
      if (!lane) continue;
      const path = paths.get(event.task) || { marks: [], wires: [] };
      paths.set(event.task, path);
      const y = (tops[index] + state.row / 2).toFixed(2);
      path.marks.push(`M${lane.x - 7} ${y}h14`);
      if (thing) { path.wires.push(`M${lane.x} ${y}H${thing.x}`); path.marks.push(`M${thing.x - 4} ${y}h8`); }
      if (tops[index] > written + 70) {
        written = tops[index];
        gutter.append(draw('text', { class: 'at', x: GUTTER - 16, y: written + 10, 'text-anchor': 'end' }, seconds(event.t)));
      }
    }
    const thick = Math.max(1, state.row);
    for (const [task, { marks, wires }] of paths) {
      rows.append(draw('path', { d: wires.join(''), stroke: colors(task), 'stroke-width': Math.min(1, thick), 'stroke-opacity': Math.min(.3, .04 + state.row * .12), fill: 'none' }),
        draw('path', { d: marks.join(''), stroke: colors(task), 'stroke-width': thick, fill: 'none' }));
    }
    const picked = state.select === null ? -1 : indexOf(byNumber.get(state.select));
    if (picked >= from && picked < to && shown[picked].n === state.select) {
      const y = tops[picked] + state.row / 2;
      rows.append(draw('line', { x1: 0, x2: width, y1: y, y2: y, stroke: 'var(--accent)', 'stroke-width': 2 }));
    }
  };

  const chip = (x, y, text, kind) => {
    const w = text.length * 6.3 + 18;
    return draw('g', {}, draw('rect', { class: 'chip-box ' + kind, x, y: y - 10, width: w, height: 20, rx: 10 }),
      draw('text', { class: 'chip ' + kind, x: x + 9, y: y + 4 }, text));
  };

  const bands = (over, gutter, from, to) => {
    const pair = decisive(), bad = failed();
    const x = GUTTER + 6;
    if (pair) {
      const index = indexOf(pair[1]);
      if (index >= from && index <= to && index < shown.length) {
        const y = tops[index] - (isDense() ? 0 : BAND / 2);
        over.append(draw('line', { class: 'turn-line', id: 'turn', x1: 0, x2: width, y1: y, y2: y }));
        const one = lanes.get('c' + pair[0].task), two = lanes.get('c' + pair[1].task), other = indexOf(pair[0]);
        if (!isDense() && one && two && one !== two && shown[index] === pair[1] && shown[other] === pair[0]) {
          const a = tops[other] + below(pair[0]) + 6, b = tops[index] + below(pair[1]) - 8;
          over.append(draw('path', { class: 'turn-wire', d: `M${one.x} ${a}C${one.x} ${y},${two.x} ${y},${two.x} ${b}` }),
            draw('path', { d: `M${two.x} ${b + 3}l-5 -8h10z`, fill: 'var(--turn-line)' }));
        }
        const words = isFault(pair[1]) ? `deciding fault: ${pair[1].who.slice(6)}` : `deciding switch: ${actor(pair[0])} → ${actor(pair[1])}`;
        const reach = Math.max(one ? one.x : 0, two ? two.x : 0);
        const sight = Math.min(width, $('diagram').scrollLeft + $('diagram').clientWidth);
        over.append(chip(Math.max(x, Math.min(reach + 18, sight - words.length * 6.3 - 34)), y, words, ''));
      }
    }
    if (bad) {
      const next = indexOf({ at: bad.at + 1 }), index = next - 1;
      if (index >= from - 1 && index <= to && index >= 0) {
        const y = tops[index] + state.row + (isDense() ? 0 : BAND / 2);
        over.append(draw('line', { class: 'fail-line', id: 'failure', x1: 0, x2: width, y1: y, y2: y }),
          chip(x, y, 'fails here: ' + report.property, 'fail'));
      }
    }
  };

  // ---- the map at the side

  let mapBase = null;
  const drawMap = () => {
    const map = $('map'), ratio = window.devicePixelRatio || 1, h = map.clientHeight, w = map.clientWidth;
    if (!h || !shown) return;
    const style = getComputedStyle(document.documentElement), real = (color) => color.startsWith('var(') ? style.getPropertyValue(color.slice(4, -1)).trim() : color;
    if (!mapBase || mapBase.height !== Math.round(h * ratio)) {
      mapBase = document.createElement('canvas');
      mapBase.width = Math.round(w * ratio); mapBase.height = Math.round(h * ratio);
      const paint = mapBase.getContext('2d');
      paint.scale(ratio, ratio);
      const tick = Math.max(1, Math.min(4, h / Math.max(1, shown.length)));
      shown.forEach((event, index) => {
        paint.fillStyle = real(event.kind.startsWith('fault') ? 'var(--fail)' : colors(event.task));
        paint.globalAlpha = .55;
        paint.fillRect(4, tops[index] / total * h, w - 8, tick);
      });
      paint.globalAlpha = 1;
      const line = (event, color) => { if (event && shown.length) { paint.fillStyle = real(color); paint.fillRect(0, (tops[Math.min(indexOf(event), shown.length - 1)]) / total * h - 1, w, 3); } };
      line((decisive() || [])[1], 'var(--turn-line)');
      line(failed(), 'var(--fail)');
    }
    map.width = mapBase.width; map.height = mapBase.height;
    const paint = map.getContext('2d'), box = $('diagram');
    paint.drawImage(mapBase, 0, 0);
    paint.scale(ratio, ratio);
    paint.strokeStyle = real('var(--accent)');
    paint.lineWidth = 1.5;
    paint.strokeRect(1, box.scrollTop / total * h + 1, w - 2, Math.max(6, Math.min(h, (box.clientHeight - HEAD) / total * h) - 2));
  };

  // ---- the selected event and the logs beside it

  const jump = (event, sign, words) => {
    const button = make('button', { 'data-to': event.n }, make('span', { class: 'dir' }, sign),
      make('span', { class: 'who', style: `color:${colors(event.task)}` }, named(event.task)), ` ${event.kind} `,
      make('span', { class: 'when' }, words || clean(event.detail).slice(0, 60)));
    button.addEventListener('click', () => pick(event));
    return button;
  };

  const step = (event, sign, same) => {
    for (let at = event.at + sign; at >= 0 && at < events.length; at += sign) if (same(events[at])) return events[at];
    return null;
  };

  const showEvent = () => {
    const event = byNumber.get(state.select), body = $('event-body');
    if (!event) { body.replaceChildren(make('p', {}, 'Select an event in the diagram.')); return; }
    const facts = [['event', count(event.n)], ['task', event.who !== event.task ? event.who : ''], ['time', (event.t / 1e9).toFixed(9) + ' s'], ['on', event.on], ['detail', clean(event.detail)],
      ['result', event.result], ['fuel', event.fuel ? count(event.fuel) : '']].filter(([, value]) => value);
    const list = make('dl', {}, ...facts.flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, value)]));
    const near = make('div', { class: 'near' });
    if (event.object) {
      const before = step(event, -1, (other) => other.object === event.object), after = step(event, 1, (other) => other.object === event.object);
      if (before || after) near.append(make('h2', {}, 'On ' + objectName(event.object)));
      if (before) near.append(jump(before, '↑'));
      if (after) near.append(jump(after, '↓'));
    }
    body.replaceChildren(make('p', { class: 'what' }, make('span', { class: 'who', style: `color:${colors(event.task)}` }, named(event.task)), ' ', make('code', {}, event.kind)), list, near);
  };

  const showLogs = () => {
    const picked = byNumber.get(state.select), box = $('log-lines');
    if (!logs.length) { box.replaceChildren(make('p', { class: 'empty' }, 'Nothing was printed.')); return; }
    const at = picked ? picked.at : -1;
    let split = logs.findIndex((line) => line.at > at);
    if (split < 0) split = logs.length;
    const from = Math.max(0, split - LOGS), to = Math.min(logs.length, split + LOGS);
    const nodes = logs.slice(from, to).map((line) => {
      const classes = 'log' + (line === picked ? ' picked' : '') + (picked && line.at > at ? ' later' : '') + (picked && line.task === picked.task ? ' same' : '');
      const button = make('button', { class: classes, 'data-n': line.n, style: `--c:${colors(line.task)};border-left-color:${picked && line.task === picked.task ? colors(line.task) : 'transparent'}` },
        make('span', { class: 'head' }, make('span', { class: 'who', style: `color:${colors(line.task)}` }, named(line.task)), make('span', {}, seconds(line.t))),
        make('span', { class: 'text' }, clean(line.detail)));
      button.addEventListener('click', () => pick(line));
      return button;
    });
    const now = make('div', { class: 'now', id: 'now' }, picked ? `${seconds(picked.t)} s` : 'start');
    nodes.splice(split - from, 0, now);
    if (from > 0) nodes.unshift(make('p', { class: 'empty' }, `${count(from)} earlier lines: select an event further up`));
    if (to < logs.length) nodes.push(make('p', { class: 'empty' }, `${count(logs.length - to)} later lines: select an event further down`));
    box.replaceChildren(...nodes);
    box.scrollTop = now.offsetTop - box.offsetTop - box.clientHeight * 0.6;
  };

  const pick = (event, options) => {
    state.select = event ? event.n : null;
    if (event && !(options && options.still)) reveal(event);
    $('diagram').setAttribute('aria-activedescendant', event ? 'e' + event.n : '');
    $('live').textContent = event ? sentence(event) : '';
    render();
    showEvent();
    showLogs();
    save();
  };

  const reveal = (event) => {
    if (!shown.length) return;
    const box = $('diagram'), index = Math.min(shown.length - 1, indexOf(event)), y = tops[index], h = box.clientHeight - HEAD;
    if (y < box.scrollTop + 40 || y + state.row > box.scrollTop + h - 40) box.scrollTop = Math.max(0, y - h * 0.42);
    const lane = lanes.get('c' + event.task);
    if (lane && (lane.x - 60 < box.scrollLeft + GUTTER || lane.x + 60 > box.scrollLeft + box.clientWidth)) box.scrollLeft = Math.max(0, lane.x - box.clientWidth / 2);
  };

  const move = (next) => {
    const now = state.select === null ? null : byNumber.get(state.select);
    const event = next(now, now ? indexOf(now) : -1);
    if (event) pick(event);
  };
  const amongShown = (sign, same) => (now, index) => {
    if (!now) return shown[indexAt($('diagram').scrollTop)];
    const start = shown[index] === now || sign < 0 ? index + sign : index;
    for (let at = start; at >= 0 && at < shown.length; at += sign) if (same(shown[at], now)) return shown[at];
    return null;
  };

  // ---- zoom, scale, theme

  const zoom = (row, anchor) => {
    const box = $('diagram'), h = box.clientHeight - HEAD, offset = anchor === undefined ? h / 2 : anchor;
    const picked = state.select === null ? null : byNumber.get(state.select);
    const seen = (index) => index < shown.length && tops[index] >= box.scrollTop && tops[index] <= box.scrollTop + h;
    const index = anchor === undefined && picked && shown.includes(picked) && seen(indexOf(picked)) ? indexOf(picked) : Math.min(shown.length - 1, indexAt(box.scrollTop + offset));
    const at = shown.length ? tops[index] - box.scrollTop : 0;
    state.row = Math.max(ROW_MIN, Math.min(ROW_MAX, row));
    place();
    if (shown.length) box.scrollTop = tops[index] - at;
    render();
    save();
  };
  const zoomBy = (sign, anchor) => {
    const next = sign > 0 ? ZOOMS.find((size) => size > state.row + 0.01) : [...ZOOMS].reverse().find((size) => size < state.row - 0.01);
    zoom(next || (sign > 0 ? ROW_MAX : state.row / 2), anchor);
  };
  const fit = () => {
    const room = $('diagram').clientHeight - HEAD - BAND - 20;
    state.row = Math.max(ROW_MIN, Math.min(ROW, room / Math.max(1, shown.length)));
    place();
    if (total > room + BAND + 20) { state.row = Math.max(ROW_MIN, state.row * (room / (total - BAND - 12)) * 0.98); place(); }
    $('diagram').scrollTop = 0;
    render();
    save();
  };
  const setScale = (scale) => {
    state.scale = scale;
    $('scale-even').setAttribute('aria-pressed', scale === 'even');
    $('scale-time').setAttribute('aria-pressed', scale === 'time');
  };
  const setTheme = (theme) => {
    state.theme = theme;
    const isDark = theme ? theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    document.documentElement.dataset.theme = isDark ? 'dark' : 'light';
    mapBase = null;
    if (shown) drawMap();
  };

  // ---- the address: everything that is set can be sent to somebody

  const save = () => {
    const words = new URLSearchParams();
    if (state.report) words.set('report', state.report);
    if (state.text) words.set('filter', state.text);
    for (const what of ['task', 'object', 'kind']) for (const name of state[what]) words.append(what, name);
    if (state.select !== null) words.set('select', state.select);
    if (Math.abs(state.row - ROW) > 0.01) words.set('zoom', +state.row.toFixed(2));
    if (state.scale !== 'even') words.set('scale', state.scale);
    if (state.theme) words.set('theme', state.theme);
    if (state.pods) words.set('pods', '1');
    const text = words.toString();
    try { history.replaceState(null, '', text ? '#' + text : location.pathname + location.search); } catch { /* some viewers have no address */ }
  };
  const restore = () => {
    const words = new URLSearchParams(location.hash.slice(1));
    const number = Number(words.get('report') || 0);
    load(Number.isInteger(number) && data.reports[number] ? number : 0);
    state.text = words.get('filter') || '';
    for (const what of ['task', 'object', 'kind']) state[what] = new Set(words.getAll(what));
    const row = Number(words.get('zoom'));
    state.row = row > 0 ? Math.max(ROW_MIN, Math.min(ROW_MAX, row)) : ROW;
    setScale(words.get('scale') === 'time' ? 'time' : 'even');
    if (['light', 'dark'].includes(words.get('theme'))) setTheme(words.get('theme'));
    $('filter').value = state.text;
    state.pods = words.get('pods') === '1';
    const select = words.get('select');
    if (select !== null) return byNumber.get(Number(select)) || null;
    return (decisive() || [])[1] || failed();
  };

  // ---- the summary above

  const summary = () => {
    const isFailure = Boolean(report.property);
    $('verdict').textContent = isFailure ? 'FAIL' : 'RUN';
    $('verdict').classList.toggle('calm', !isFailure);
    $('title').replaceChildren(make('span', { class: 'of' }, report.test + (isFailure ? ' / ' : '')), report.property);
    $('message').textContent = clean(report.message);
    $('message').hidden = !report.message;
    $('facts').replaceChildren(...report.facts.flatMap(([name, value]) => [make('div', {}, make('dt', {}, name), make('dd', {}, value))]));
    $('replay').hidden = !report.replay;
    $('replay-line').textContent = report.replay || '';
    const pair = decisive();
    $('decisive').hidden = !pair;
    $('to-switch').hidden = !pair;
    $('to-failure').hidden = !failed();
    if (!pair) return;
    const item = (event) => {
      const button = make('button', {}, make('span', { class: 'who', style: `color:${colors(event.task)}` }, actor(event)),
        make('code', {}, [repeats(event) ? '' : event.kind, event.on, clean(event.detail)].filter(Boolean).join(' ')), make('span', { class: 'when' }, `${seconds(event.t)} s`));
      button.addEventListener('click', () => pick(event));
      return make('li', {}, button);
    };
    $('decisive-events').replaceChildren(item(pair[0]), make('li', { class: 'turn' }, isFault(pair[1]) ? '↓ the fault strikes' : '↓ the scheduler switches'), item(pair[1]));
    const instead = report.decisive.instead;
    $('passes').replaceChildren(...instead ? [make('b', {}, 'Passes'), ' if ', make('code', {}, [named(instead.c || ''), instead.k, instead.o].filter(Boolean).join(' ')),
      ' comes before ', make('code', {}, isFault(pair[1]) ? pair[1].who : `${named(pair[1].task)} ${pair[1].kind} ${pair[1].object}`.trim()), '.'] : []);
    $('passes').hidden = !instead;
  };

  const menus = () => {
    const fill = (what, nameOf) => {
      const uses = new Map();
      for (const event of events) { const name = nameOf(event); if (name) uses.set(name, (uses.get(name) || 0) + 1); }
      const labels = [...uses].map(([name, number]) => {
        const box = make('input', { type: 'checkbox', value: name });
        box.checked = state[what].has(name);
        box.addEventListener('change', () => { if (box.checked) state[what].add(name); else state[what].delete(name); refilter(); });
        return make('label', {}, box, make('span', { class: 'name' }, name), make('span', { class: 'n' }, count(number)));
      });
      $('menu-' + what).hidden = labels.length === 0;
      $('menu-' + what).querySelector('.sheet').replaceChildren(...labels);
    };
    fill('task', (event) => named(event.task));
    fill('object', (event) => event.object);
    fill('kind', (event) => event.kind);
  };

  const refilter = () => {
    filter();
    const picked = byNumber.get(state.select);
    if (picked) reveal(picked);
    render();
    save();
  };
  const clear = () => {
    state.text = '';
    $('filter').value = '';
    for (const what of ['task', 'object', 'kind']) state[what].clear();
    menus();
    refilter();
  };

  const open = () => {
    const selected = restore();
    state.select = selected ? selected.n : null;
    summary();
    menus();
    filter();
    pick(selected);
  };

  // ---- hands

  const later = (call) => { let due = false; return () => { if (!due) { due = true; requestAnimationFrame(() => { due = false; call(); }); } }; };
  $('diagram').addEventListener('scroll', later(render));
  window.addEventListener('resize', later(() => { arrange(); }));
  window.addEventListener('hashchange', open);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { if (!state.theme) setTheme(null); });

  let drag = null;
  $('diagram').addEventListener('pointerdown', (down) => {
    const box = $('diagram').getBoundingClientRect();
    const isBar = down.clientX - box.left > $('diagram').clientWidth || down.clientY - box.top > $('diagram').clientHeight;
    if (down.button === 0 && !isBar) drag = { x: down.clientX, y: down.clientY, left: $('diagram').scrollLeft, top: $('diagram').scrollTop, far: false, mouse: down.pointerType === 'mouse' };
  });
  window.addEventListener('pointermove', (moved) => {
    if (!drag) return;
    const x = moved.clientX - drag.x, y = moved.clientY - drag.y;
    if (Math.hypot(x, y) > 4) drag.far = true;
    if (drag.far && drag.mouse) {
      $('diagram').classList.add('dragging');
      $('diagram').scrollLeft = drag.left - x;
      $('diagram').scrollTop = drag.top - y;
    }
  });
  window.addEventListener('pointerup', (up) => {
    const was = drag;
    drag = null;
    $('diagram').classList.remove('dragging');
    if (!was || was.far) return;
    const box = $('diagram'), y = up.clientY - box.getBoundingClientRect().top - HEAD + box.scrollTop;
    if (y < box.scrollTop || !shown.length) return;
    const index = Math.min(shown.length - 1, indexAt(y));
    if (y <= tops[index] + state.row + 6) pick(shown[index], { still: true });
  });
  window.addEventListener('pointercancel', () => { drag = null; });
  $('diagram').addEventListener('wheel', (wheel) => {
    if (!wheel.ctrlKey) return;
    wheel.preventDefault();
    zoomBy(wheel.deltaY < 0 ? 1 : -1, wheel.clientY - $('diagram').getBoundingClientRect().top - HEAD);
  }, { passive: false });
  let mapping = false;
  const toMap = (at) => {
    const box = $('map').getBoundingClientRect();
    $('diagram').scrollTop = (at.clientY - box.top) / box.height * total - ($('diagram').clientHeight - HEAD) / 2;
  };
  $('map').addEventListener('pointerdown', (down) => { mapping = true; toMap(down); });
  window.addEventListener('pointermove', (moved) => { if (mapping) toMap(moved); });
  window.addEventListener('pointerup', () => { mapping = false; });

  const toSwitch = () => { const pair = decisive(); if (pair) pick(pair[1]); };
  const toFailure = () => { if (failed()) pick(failed()); };
  const otherTheme = () => { setTheme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark'); save(); };
  const rescale = (scale) => { setScale(scale); place(); const picked = byNumber.get(state.select); if (picked) reveal(picked); render(); save(); };
  const on = (id, call) => $(id).addEventListener('click', call);
  on('zoom-in', () => zoomBy(1));
  on('zoom-out', () => zoomBy(-1));
  on('zoom-fit', fit);
  on('scale-even', () => rescale('even'));
  on('scale-time', () => rescale('time'));
  on('to-switch', toSwitch);
  on('to-failure', toFailure);
  on('theme', otherTheme);
  on('clear', clear);
  on('pods', () => { state.pods = !state.pods; refilter(); });
  on('help-button', () => $('help').showModal());
  on('brief', () => {
    const isOpen = $('brief').getAttribute('aria-expanded') !== 'true';
    $('brief').setAttribute('aria-expanded', isOpen);
    $('summary').hidden = !isOpen;
    arrange();
  });
  on('copy', async () => {
    try { await navigator.clipboard.writeText($('replay-line').textContent); $('copy').textContent = 'Copied'; }
    catch { getSelection().selectAllChildren($('replay-line')); $('copy').textContent = 'Press Ctrl+C'; }
  });
  $('filter').addEventListener('input', () => { state.text = $('filter').value; refilter(); });
  $('pick').addEventListener('change', () => {
    load(Number($('pick').value));
    for (const what of ['task', 'object', 'kind']) state[what].clear();
    summary();
    menus();
    filter();
    pick((decisive() || [])[1] || failed());
  });
  document.addEventListener('click', (click) => {
    for (const menu of document.querySelectorAll('.menu[open]')) if (!menu.contains(click.target)) menu.open = false;
  });

  const page = (sign) => (now, index) => shown[Math.max(0, Math.min(shown.length - 1, Math.max(0, index) + sign * Math.max(1, Math.floor(($('diagram').clientHeight - HEAD) / state.row) - 2)))];
  const same = (key) => (one, two) => two[key] !== '' && one[key] === two[key];
  const keys = {
    ArrowUp: () => move(amongShown(-1, () => true)), ArrowDown: () => move(amongShown(1, () => true)),
    k: () => move(amongShown(-1, () => true)), j: () => move(amongShown(1, () => true)),
    ArrowLeft: () => move(amongShown(-1, same('task'))), ArrowRight: () => move(amongShown(1, same('task'))),
    '[': () => move(amongShown(-1, same('object'))), ']': () => move(amongShown(1, same('object'))),
    Home: () => move(() => shown[0]), End: () => move(() => shown[shown.length - 1]),
    PageUp: () => move(page(-1)), PageDown: () => move(page(1)),
    '+': () => zoomBy(1), '=': () => zoomBy(1), '-': () => zoomBy(-1), 0: fit, d: toSwitch, f: toFailure, t: otherTheme,
    '/': () => $('filter').focus(), '?': () => $('help').showModal(),
  };
  document.addEventListener('keydown', (key) => {
    if (key.ctrlKey || key.metaKey || key.altKey || $('help').open) return;
    if (key.key === 'Escape') {
      const menu = document.querySelector('.menu[open]');
      if (menu) { menu.open = false; menu.querySelector('summary').focus(); }
      else if (document.activeElement === $('filter')) { if (state.text) { $('filter').value = state.text = ''; refilter(); } $('diagram').focus(); }
      else if (state.select !== null) pick(null);
      else clear();
      key.preventDefault();
      return;
    }
    const target = key.target;
    const types = target.matches('input[type=search], select, textarea');
    const presses = target.matches('button, summary, input[type=checkbox]');
    const scrolls = ['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight', 'Home', 'End', 'PageUp', 'PageDown'].includes(key.key);
    if (types || (presses && !scrolls && key.key.length > 1)) {
      if (types && target === $('filter') && key.key === 'Enter') { $('diagram').focus(); move(() => shown[0]); key.preventDefault(); }
      return;
    }
    if (scrolls && target !== $('diagram') && target !== document.body && !presses) return;
    const call = keys[key.key];
    if (call) { key.preventDefault(); call(); }
  });

  if (data.reports.length > 1) {
    $('pick-label').hidden = false;
    $('pick').append(...data.reports.map((one, index) => make('option', { value: index }, `${index + 1}: ${one.test}${one.property ? ' / ' + one.property : ''}`)));
  }
  setTheme(null);
  open();
  $('pick').value = state.report;
  document.documentElement.dataset.ready = 'true';
})();
