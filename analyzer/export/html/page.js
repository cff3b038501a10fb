/* SPDX-License-Identifier: MIT */
/* The views of `heaptide html`: everything is computed here from the tree of stacks and its cells over time. */
"use strict";
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
if (data.old) mergeRuns(data, data.old);
const byId = (id) => document.getElementById(id);
const METRICS = [
	{ name: "peak", label: "live at the peak", bytes: true, windowLabel: "live at the end of the window" },
	{ name: "leaked", label: "leaked", bytes: true, windowLabel: "allocated in the window, never freed" },
	{ name: "allocated", label: "bytes allocated", bytes: true },
	{ name: "count", label: "allocations", bytes: false },
	{ name: "temporary", label: "temporary allocations", bytes: false },
	{ name: "own-peak", label: "own peak of each place", bytes: true, noWindow: true },
];
const N = data.parent.length;
const SMALL = ["[small ones]", null, 0, null, 0];
const frameOf = (node) => (node === 0 ? ["all", null, 0, null, 0] : data.frame[node] ? data.frames[data.frame[node] - 1] : SMALL);
const state = { metric: 0, up: false, colours: "module", search: "", window: null, zoom: 0, picked: 0, tab: 0, sort: [1, 1, 1, 1] };

/*
 * Two runs in one tree: nodes are functions, lines do not count. The new run keeps its place in data; what the old one had is in
 * data.oldSelf.
 */
function mergeRuns(now, old) {
	const frames = [], parent = [0], frame = [0], frameNumbers = new Map(), nodes = new Map();
	const numberOf = (f) => {
		const key = f[0] + "\n" + (f[3] || "");
		if (!frameNumbers.has(key)) frameNumbers.set(key, frames.push([f[0], null, 0, f[3], 0]));
		return frameNumbers.get(key);
	};
	const place = (run) => {
		const placed = new Int32Array(run.parent.length);
		for (let i = 1; i < placed.length; i++) {
			const number = run.frame[i] ? numberOf(run.frames[run.frame[i] - 1]) : 0;
			const key = placed[run.parent[i]] + ":" + number;
			if (!nodes.has(key)) {
				nodes.set(key, parent.push(placed[run.parent[i]]) - 1);
				frame.push(number);
			}
			placed[i] = nodes.get(key);
		}
		return placed;
	};
	const nowAt = place(now), oldAt = place(old);
	const sum = (values, at) => {
		const sums = new Float64Array(parent.length);
		values.forEach((v, i) => (sums[at[i]] += v));
		return sums;
	};
	now.self = now.self.map((values) => sum(values, nowAt));
	now.oldSelf = old.self.map((values) => sum(values, oldAt));
	now.runtimeLeaked = sum(now.runtimeLeaked, nowAt);
	now.cells[0] = now.cells[0].map((node) => nowAt[node]);
	Object.assign(now, { parent, frame, frames });
}

/* Numbers as people read them. */
function bytesText(n) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
	let i = 0;
	let v = Math.abs(n);
	for (; v >= 1024 && i < units.length - 1; i++) v /= 1024;
	return (n < 0 ? "-" : "") + (i ? v.toFixed(1) : v) + " " + units[i];
}
const countText = (n) => Math.round(n).toLocaleString("en");
function timeText(ns) {
	for (const [unit, size] of [["s", 1e9], ["ms", 1e6], ["us", 1e3]])
		if (ns >= size) return (ns / size).toFixed(ns >= 100 * size ? 0 : 2) + " " + unit;
	return Math.round(ns) + " ns";
}
const numberOf = (n, one, many) => `${countText(n)} ${n === 1 ? one : many}`;
const partText = (n, whole) => (whole ? ((100 * n) / whole).toFixed(1) : "0") + " %";
const valueText = (n) => (METRICS[state.metric].bytes ? bytesText(n) : countText(n));
function element(tag, text, attributes) {
	const e = document.createElement(tag);
	if (text !== undefined) e.textContent = text;
	for (const key in attributes || {}) e.setAttribute(key, attributes[key]);
	return e;
}
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/* A canvas in real pixels; drawing is in CSS pixels. */
function prepare(canvas, width, height) {
	const scale = window.devicePixelRatio || 1;
	canvas.width = Math.round(width * scale);
	canvas.height = Math.round(height * scale);
	const c = canvas.getContext("2d");
	c.setTransform(scale, 0, 0, scale, 0, 0);
	c.clearRect(0, 0, width, height);
	return c;
}

/* Own values of all nodes for a metric, in the window when there is one. */
const selfCache = new Map();
function selfValues(metric) {
	const w = METRICS[metric].noWindow ? null : state.window;
	const key = metric + ":" + (w ? w.join("-") : "");
	if (selfCache.has(key)) return selfCache.get(key);
	let values = data.self[metric];
	if (w) {
		const [nodes, parts, count, bytes, live, leaked, temporary] = data.cells;
		const column = [live, leaked, bytes, count, temporary][metric];
		values = new Float64Array(N);
		for (let i = 0; i < nodes.length; i++)
			if (parts[i] < w[1] && (metric === 0 || parts[i] >= w[0])) values[nodes[i]] += column[i];
	}
	if (selfCache.size > 24) selfCache.clear();
	selfCache.set(key, values);
	return values;
}
function totalValues(self, parent) {
	const total = Float64Array.from(self);
	for (let i = parent.length - 1; i > 0; i--) total[parent[i]] += total[i];
	return total;
}

/* Whether boxes are as wide as what was, or is, the larger: so that what is gone is seen, too. */
const showsChange = () => Boolean(data.old) && state.colours === "change" && !state.window;

/* Own values that a tree is made of: widths first, then what the colours are by. */
function treeValues() {
	const now = selfValues(state.metric);
	if (state.colours === "leaks") return [now, data.self[1], data.runtimeLeaked];
	if (!showsChange()) return [now];
	const old = data.oldSelf[state.metric];
	return [now.map((v, i) => Math.max(v, old[i])), now, old];
}

/* A tree as it is drawn: parent, frame number per node (0: small ones), children by falling value; parts: what the colours are by. */
function downTree() {
	const [total, ...parts] = treeValues().map((self) => totalValues(self, data.parent));
	return { parent: data.parent, frame: data.frame, total, parts };
}
function upTree() {
	const [self, ...partSelves] = treeValues();
	const parent = [0], frame = [0], total = [0], known = new Map();
	const parts = partSelves.map(() => [0]);
	const add = (at, node) => {
		total[at] += self[node];
		partSelves.forEach((values, i) => (parts[i][at] += values[node]));
	};
	for (let node = 1; node < N; node++) {
		if (!self[node]) continue;
		let at = 0;
		add(0, node);
		for (let n = node; n; n = data.parent[n]) {
			const key = at * (data.frames.length + 1) + data.frame[n];
			let child = known.get(key);
			if (child === undefined) {
				child = parent.length;
				known.set(key, child);
				parent.push(at);
				frame.push(data.frame[n]);
				total.push(0);
				parts.forEach((values) => values.push(0));
			}
			at = child;
			add(at, node);
		}
	}
	return { parent, frame, total, parts };
}
let tree = null;
function currentTree() {
	if (tree) return tree;
	tree = state.up ? upTree() : downTree();
	const n = tree.parent.length;
	const first = new Int32Array(n + 1);
	for (let i = 1; i < n; i++) first[tree.parent[i] + 1]++;
	for (let i = 0; i < n; i++) first[i + 1] += first[i];
	const next = first.slice(), children = new Int32Array(n);
	for (let i = 1; i < n; i++) children[next[tree.parent[i]]++] = i;
	tree.children = (i) => {
		const list = Array.from(children.subarray(first[i], first[i + 1]));
		return list.filter((c) => tree.total[c] > 0).sort((a, b) => tree.total[b] - tree.total[a]);
	};
	return tree;
}
const frameIn = (t, node) => (node === 0 ? frameOf(0) : t.frame[node] ? data.frames[t.frame[node] - 1] : SMALL);

/* Search: a frame matches by label, file or module. */
let matching = null;
function matches(frame) {
	if (!state.search) return false;
	if (!matching) {
		const words = state.search.toLowerCase();
		matching = data.frames.map((f) => (f[0] + "\n" + (f[1] || "") + "\n" + (f[3] || "")).toLowerCase().includes(words));
	}
	return frame > 0 && matching[frame - 1];
}

function hue(text) {
	let h = 0;
	for (let i = 0; i < text.length; i++) h = (h * 31 + text.charCodeAt(i)) >>> 0;
	return h % 360;
}
const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;
/* Colours of nodes by numbers: [red or blue, how much of it]. */
const NEUTRAL = "hsl(210 8% 60% / .45)";
const shade = (h, part) => `hsl(${h} ${Math.round(20 + 60 * part)}% ${Math.round(isDark() ? 40 - 4 * part : 84 - 22 * part)}%)`;
function colourByParts(t, node) {
	const [a, b] = t.parts;
	if (showsChange()) {
		if (a[node] === b[node]) return NEUTRAL;
		const part = Math.abs(a[node] - b[node]) / Math.max(a[node], b[node]);
		return shade(a[node] > b[node] ? 8 : 212, part);
	}
	if (!a[node]) return NEUTRAL;
	return b[node] > a[node] / 2 ? shade(212, 0.6) : shade(8, 0.3 + 0.7 * Math.min(1, (a[node] - b[node]) / Math.max(1, a[0])));
}
/* What the colours are, in words. */
function drawKey() {
	const words = showsChange() ? [[8, "more than before"], [212, "less than before"], [null, "the same"]]
		: state.colours === "leaks" ? [[8, "never freed"], [212, "mostly kept by the runtime on purpose"], [null, "all freed"]] : [];
	byId("key").replaceChildren(...words.flatMap(([h, text]) => {
		const box = element("i");
		box.style.background = h === null ? NEUTRAL : shade(h, 0.7);
		return [box, text];
	}));
	byId("key").hidden = words.length === 0;
}
function colourOf(frame, number) {
	if (matches(number)) return css("--pick");
	const dark = isDark();
	if (frame === SMALL) return dark ? "#3a424d" : "#d5dae0";
	const h = hue(state.colours === "module" ? frame[3] || "?" : frame[0]);
	return `hsl(${h} ${dark ? 38 : 62}% ${dark ? 34 : 78}%)`;
}

const ROW = 19;
let boxes = [];
function drawFlame() {
	const t = currentTree();
	const box = byId("flame-box");
	const width = Math.max(280, box.clientWidth);
	const colours = new Map();
	boxes = [];
	/* The path to the zoomed node stays above it at full width. */
	const path = [];
	for (let n = state.zoom; ; n = t.parent[n]) {
		path.unshift(n);
		if (n === 0) break;
	}
	path.forEach((node, row) => boxes.push({ node, x: 0, w: width, row }));
	let level = [{ node: state.zoom, x: 0, w: width }];
	for (let row = path.length; level.length; row++) {
		const below = [];
		for (const b of level) {
			let x = b.x;
			for (const child of t.children(b.node)) {
				const w = (b.w * t.total[child]) / t.total[b.node];
				if (w < 0.4) break;
				const placed = { node: child, x, w, row };
				boxes.push(placed);
				below.push(placed);
				x += w;
			}
		}
		level = below;
	}
	const height = (boxes[boxes.length - 1].row + 1) * ROW;
	const canvas = byId("flame");
	canvas.style.height = height + "px";
	const c = prepare(canvas, width, height);
	const fore = css("--fore"), mark = css("--mark");
	c.font = "12px system-ui, sans-serif";
	c.textBaseline = "middle";
	let found = 0;
	for (const b of boxes) {
		const number = b.node ? t.frame[b.node] : -1;
		if (t.parts.length && b.node && !matches(number)) c.fillStyle = colourByParts(t, b.node);
		else {
			if (!colours.has(number)) colours.set(number, b.node ? colourOf(frameIn(t, b.node), number) : css("--line"));
			c.fillStyle = colours.get(number);
		}
		c.fillRect(b.x, b.row * ROW, Math.max(b.w - 0.5, 0.4), ROW - 1);
		if (b.node === state.picked && document.activeElement === canvas) {
			c.strokeStyle = mark;
			c.lineWidth = 2;
			c.strokeRect(b.x + 1, b.row * ROW + 1, Math.max(b.w - 2.5, 1), ROW - 3);
		}
		if (b.w > 34) {
			const text = b.node ? frameIn(t, b.node)[0] : "all: " + valueText(showsChange() ? t.parts[0][0] : t.total[0]);
			const fits = Math.floor((b.w - 6) / 6.4);
			c.fillStyle = matches(number) ? "#1b1f24" : fore;
			c.fillText(text.length > fits ? text.slice(0, Math.max(fits - 1, 1)) + "\u2026" : text, b.x + 3, b.row * ROW + ROW / 2, b.w - 6);
		}
	}
	if (state.search) {
		/* Values below a match count once. */
		const inside = new Uint8Array(t.parent.length);
		for (let i = 1; i < t.parent.length; i++) {
			inside[i] = inside[t.parent[i]];
			if (!inside[i] && matches(t.frame[i])) {
				inside[i] = 1;
				found += t.total[i];
			}
		}
	}
	byId("found").textContent = state.search ? `${valueText(found)}, ${partText(found, t.total[0])}` : "";
	byId("zoom-out").hidden = state.zoom === 0;
	drawKey();
	showPicked();
}
function placeText(f) {
	if (f[1]) return f[1] + (f[2] ? ":" + f[2] : "") + (f[4] ? " (inlined)" : "");
	return f[3] ? "[" + f[3] + "]" : "";
}
function showPicked() {
	const t = currentTree();
	const node = state.picked < t.parent.length ? state.picked : 0;
	const f = frameIn(t, node);
	if (showsChange()) {
		const now = t.parts[0][node], old = t.parts[1][node];
		byId("frame-text").textContent = `${f[0]}  ${placeText(f)}  ${valueText(old)} before, ${valueText(now)} now: ${now < old ? "" : "+"}${valueText(now - old)} ${metricLabel()}`;
		return;
	}
	byId("frame-text").textContent = `${f[0]}  ${placeText(f)}  ${valueText(t.total[node])}, ${partText(t.total[node], t.total[0])} of ${metricLabel()}`;
}
function metricLabel() {
	const m = METRICS[state.metric];
	return state.window && !m.noWindow ? m.windowLabel || m.label + " in the window" : m.label;
}
function boxAt(event) {
	const area = byId("flame").getBoundingClientRect();
	const x = event.clientX - area.left, row = Math.floor((event.clientY - area.top) / ROW);
	return boxes.find((b) => b.row === row && x >= b.x && x < b.x + b.w);
}
function zoomTo(node) {
	state.zoom = node;
	state.picked = node;
	drawFlame();
	saveState();
}
const flame = byId("flame");
flame.addEventListener("mousemove", (event) => {
	const b = boxAt(event);
	if (b && b.node !== state.picked) {
		state.picked = b.node;
		showPicked();
	}
});
flame.addEventListener("click", (event) => {
	const b = boxAt(event);
	if (b) zoomTo(b.node);
});
flame.addEventListener("keydown", (event) => {
	const t = currentTree();
	const siblings = state.picked ? t.children(t.parent[state.picked]) : [0];
	const at = siblings.indexOf(state.picked);
	let to = null;
	if (event.key === "ArrowDown") to = t.children(state.picked)[0];
	else if (event.key === "ArrowUp") to = t.parent[state.picked];
	else if (event.key === "ArrowRight") to = siblings[at + 1];
	else if (event.key === "ArrowLeft") to = siblings[at - 1];
	else if (event.key === "Enter") return zoomTo(state.picked);
	else return;
	event.preventDefault();
	if (to === undefined || to === null) return;
	state.picked = to;
	drawFlame();
});
flame.addEventListener("focus", drawFlame);
flame.addEventListener("blur", drawFlame);
byId("zoom-out").addEventListener("click", () => zoomTo(0));

/* The time line: live bytes as an area, allocations as a line below, short-lived ones of each part as bars. */
const LEFT = 68;
function drawTimeline() {
	const canvas = byId("timeline");
	const width = canvas.clientWidth, height = 190, split = 128, bottom = height - 16;
	const c = prepare(canvas, width, height);
	const end = Math.max(data.endNs, 1);
	const xOf = (ns) => LEFT + ((width - LEFT - 4) * ns) / end;
	const points = data.timeline;
	let highest = data.peakBytes, most = 1;
	for (const p of points) most = Math.max(most, p[2]);
	highest = Math.max(highest, 1);
	const yLive = (v) => split - (split - 14) * (v / highest);
	c.font = "11px system-ui, sans-serif";
	if (state.window) {
		c.fillStyle = css("--card");
		const from = xOf(state.window[0] * data.partNs), to = xOf(Math.min(state.window[1] * data.partNs, end));
		c.fillRect(from, 0, to - from, bottom);
		c.strokeStyle = css("--soft");
		c.strokeRect(from, 0.5, to - from, bottom - 1);
	}
	c.fillStyle = css("--live");
	c.globalAlpha = 0.75;
	for (let i = 0; i < points.length; i++) {
		const x = xOf(points[i][0]), x2 = xOf(i + 1 < points.length ? points[i + 1][0] : end);
		c.fillRect(x, yLive(points[i][1]), Math.max(x2 - x, 1), split - yLive(points[i][1]));
	}
	c.fillStyle = css("--rate");
	for (let i = 0; i < points.length; i++) {
		const x = xOf(points[i][0]), x2 = xOf(i + 1 < points.length ? points[i + 1][0] : end);
		const h = ((bottom - split - 8) * points[i][2]) / most;
		c.fillRect(x, bottom - h, Math.max(x2 - x, 1), h);
	}
	/* Churn: temporary allocations of each part of time, over the allocations. */
	c.fillStyle = css("--mark");
	const perPart = new Float64Array(data.nParts);
	const all = new Float64Array(data.nParts);
	data.cells[0].forEach((node, i) => {
		perPart[data.cells[1][i]] += data.cells[6][i];
		all[data.cells[1][i]] += data.cells[2][i];
	});
	for (let i = 0; i < data.nParts; i++) {
		if (!all[i] || i * data.partNs > end) continue;
		const x = xOf(i * data.partNs), x2 = xOf(Math.min((i + 1) * data.partNs, end));
		const h = (bottom - split - 8) * Math.min(1, perPart[i] / all[i]);
		c.fillRect(x, bottom - h, Math.max(x2 - x, 1), Math.min(h, 2));
	}
	c.globalAlpha = 1;
	c.fillStyle = css("--soft");
	c.textAlign = "right";
	c.fillText(bytesText(highest), LEFT - 6, 18);
	c.fillText("live", LEFT - 6, split - 2);
	c.fillText("allocs", LEFT - 6, bottom - 14);
	c.fillText("churn", LEFT - 6, bottom - 2);
	c.textAlign = "left";
	c.fillText("0", LEFT, height - 3);
	c.textAlign = "right";
	c.fillText(timeText(end), width - 4, height - 3);
	drawMarks(c, xOf, split, width);
	const peak = xOf(data.peakNs);
	c.strokeStyle = c.fillStyle = css("--mark");
	c.beginPath();
	c.moveTo(peak, 4);
	c.lineTo(peak, split);
	c.stroke();
	c.textAlign = peak > width / 2 ? "right" : "left";
	c.fillText("peak", peak + (peak > width / 2 ? -4 : 4), 11);
	const w = state.window;
	canvas.setAttribute("aria-label", `Live bytes and allocations over ${timeText(end)}: at most ${bytesText(data.peakBytes)} at ${timeText(data.peakNs)}${data.marks.length ? "; marks: " + data.marks.slice(0, 20).map(([ns, label]) => `${label} at ${timeText(ns)}`).join(", ") : ""}`);
	byId("window-text").textContent = w
		? `${timeText(w[0] * data.partNs)} to ${timeText(Math.min(w[1] * data.partNs, data.endNs))}: all views show this window`
		: "Drag over the time line to see a part of it.";
	byId("window-all").hidden = !w;
}
/* What the program named: a line for each, and its label where there is room. */
function drawMarks(c, xOf, split, width) {
	let free = 0;
	c.strokeStyle = css("--soft");
	c.textAlign = "left";
	c.setLineDash([3, 3]);
	for (const [ns, label] of data.marks) {
		const x = xOf(ns), textWidth = c.measureText(label).width;
		c.beginPath();
		c.moveTo(x, 16);
		c.lineTo(x, split);
		c.stroke();
		const left = x + 4 + textWidth > width ? x - 4 - textWidth : x + 4;
		if (left < free) continue;
		c.fillStyle = css("--back");
		c.globalAlpha = 0.8;
		c.fillRect(left - 2, 16, textWidth + 4, 13);
		c.globalAlpha = 1;
		c.fillStyle = css("--fore");
		c.fillText(label, left, 26);
		free = left + textWidth + 8;
	}
	c.setLineDash([]);
}
/* The same for those who do not see them, and the way to a phase: from a mark to the next one. */
const MAX_PHASES = 40;
if (data.marks.length) {
	const box = byId("phases");
	box.hidden = false;
	box.append(`Phases, from mark to mark (${data.nMarks}):`);
	data.marks.slice(0, MAX_PHASES).forEach(([ns, label], i) => {
		const button = document.createElement("button");
		const to = i + 1 < data.marks.length ? data.marks[i + 1][0] : data.endNs;
		button.textContent = label;
		button.title = `${timeText(ns)} to ${timeText(to)}, in whole hundredths of the recording`;
		button.addEventListener("click", () => setWindow(Math.floor(ns / data.partNs), Math.ceil(to / data.partNs)));
		box.append(" ", button);
	});
	if (data.nMarks > MAX_PHASES) box.append(` and ${data.nMarks - MAX_PHASES} more`);
}
function setWindow(from, to) {
	const last = Math.max(1, Math.min(data.nParts, Math.ceil(data.endNs / data.partNs)));
	if (from === null || (from <= 0 && to >= last)) state.window = null;
	else {
		from = Math.max(0, Math.min(from, last - 1));
		state.window = [from, Math.max(from + 1, Math.min(to, last))];
	}
	refresh();
}
{
	const canvas = byId("timeline");
	let start = null;
	const partAt = (event) => {
		const area = canvas.getBoundingClientRect();
		const part = ((event.clientX - area.left - LEFT) / (area.width - LEFT - 4)) * (data.endNs / data.partNs);
		return Math.max(0, Math.min(data.nParts, part));
	};
	canvas.addEventListener("pointerdown", (event) => {
		start = partAt(event);
		canvas.setPointerCapture(event.pointerId);
	});
	canvas.addEventListener("pointerup", (event) => {
		if (start === null) return;
		const end = partAt(event);
		if (Math.abs(end - start) < 0.3) setWindow(null);
		else setWindow(Math.floor(Math.min(start, end)), Math.ceil(Math.max(start, end)));
		start = null;
	});
	canvas.addEventListener("keydown", (event) => {
		const last = Math.ceil(data.endNs / data.partNs);
		let [from, to] = state.window || [0, last];
		if (event.key === "ArrowRight" && to < last) [from, to] = [from + 1, to + 1];
		else if (event.key === "ArrowLeft" && from > 0) [from, to] = [from - 1, to - 1];
		else if (event.key === "+") to = from + Math.max(1, Math.floor((to - from) / 2));
		else if (event.key === "-") [from, to] = [from - Math.ceil((to - from) / 2), to + Math.ceil((to - from) / 2)];
		else return;
		event.preventDefault();
		setWindow(from, to);
	});
	byId("window-all").addEventListener("click", () => setWindow(null));
}

/* Tables. Rows are [text, small text, numbers..., node]. */
const SHOWN_ROWS = 100;
const COLUMNS = METRICS.map((m) => m.name);
function placeRows() {
	const selves = METRICS.map((_, m) => selfValues(m));
	const rows = [];
	for (let node = 1; node < N; node++) {
		if (!selves.some((self) => self[node]) && !(data.old && data.oldSelf.some((self) => self[node]))) continue;
		const f = frameOf(node);
		const from = [];
		for (let n = data.parent[node]; n && from.length < 4; n = data.parent[n]) from.push(frameOf(n)[0] + (frameOf(n)[2] ? ":" + frameOf(n)[2] : ""));
		rows.push({ text: f[0], small: `${placeText(f)}${from.length ? "  from " + from.join(" < ") : ""}`, values: selves.map((self) => self[node]), node, search: f[0] + from.join(" ") + (f[1] || "") + (f[3] || "") });
	}
	return rows;
}
function functionRows() {
	const rows = new Map();
	const metrics = [0, 1, 2, 3, 4];
	const selves = metrics.map(selfValues);
	const totals = selves.map((self) => totalValues(self, data.parent));
	const own = selves[state.metric < 5 ? state.metric : 0];
	/* A recursion counts once: only where the function is not above already. */
	for (let node = 1; node < N; node++) {
		if (!data.frame[node]) continue;
		const f = frameOf(node), key = f[0] + "\n" + (f[3] || "");
		let row = rows.get(key);
		if (!row) {
			row = { text: f[0], small: f[3] ? "[" + f[3] + "]" : "", values: [0, 0, 0, 0, 0, 0], node, search: f[0] + (f[1] || "") + (f[3] || "") };
			rows.set(key, row);
		}
		row.values[5] += own[node];
		let above = data.parent[node];
		while (above && !(frameOf(above)[0] === f[0] && frameOf(above)[3] === f[3])) above = data.parent[above];
		if (!above) metrics.forEach((m, i) => (row.values[i] += totals[i][node]));
	}
	return Array.from(rows.values());
}
/* What became of the chosen number, function by function in its place. */
function changeRows() {
	const now = data.self[state.metric], old = data.oldSelf[state.metric];
	return placeRows().map((row) => {
		const { node } = row;
		return { ...row, values: [now[node] - old[node], now[node], old[node]] };
	}).filter((row) => row.values[0]);
}
const TABS = [
	{ name: "Places", columns: COLUMNS, rows: placeRows },
	{ name: "Functions", columns: COLUMNS.slice(0, 5).concat("itself"), rows: functionRows, isBytes: (i) => METRICS[i === 5 ? Math.min(state.metric, 4) : i].bytes },
	{ name: "Leaks", columns: COLUMNS, rows: () => placeRows().filter((row) => row.values[1] > 0) },
];
if (data.old) {
	TABS.push({ name: "Changes", columns: ["change", "now", "before"], rows: changeRows, isBytes: () => METRICS[state.metric].bytes });
	state.tab = TABS.length - 1;
	state.colours = "change";
	byId("colours").append(element("option", "by change", { value: "change" }));
}
function drawTable() {
	const tab = TABS[state.tab];
	const [column, direction] = [Math.abs(state.sort[state.tab]) - 1, Math.sign(state.sort[state.tab])];
	const words = state.search.toLowerCase();
	let rows = tab.rows();
	if (words) rows = rows.filter((row) => row.search.toLowerCase().includes(words));
	rows.sort((a, b) => direction * (b.values[column] - a.values[column]) || a.node - b.node);
	const table = element("table");
	const head = table.createTHead().insertRow();
	head.append(element("th", "place", { scope: "col" }));
	tab.columns.forEach((name, i) => {
		const th = element("th", undefined, { scope: "col", "aria-sort": i === column ? (direction > 0 ? "descending" : "ascending") : "none" });
		const button = element("button", name);
		button.addEventListener("click", () => {
			state.sort[state.tab] = (i === column ? -direction : 1) * (i + 1);
			drawTable();
			saveState();
		});
		th.append(button);
		head.append(th);
	});
	const body = table.createTBody();
	for (const row of rows.slice(0, SHOWN_ROWS)) {
		const tr = body.insertRow();
		const cell = tr.insertCell();
		const button = element("button", row.text, { title: "show in the flame graph" });
		button.addEventListener("click", () => {
			state.up = false;
			byId("direction").value = "down";
			tree = null;
			zoomTo(state.tab === 1 ? row.node : data.parent[row.node]);
			byId("flame-title").scrollIntoView({ behavior: "smooth" });
		});
		cell.append(button, element("small", row.small));
		row.values.forEach((v, i) => {
			const isBytes = tab.isBytes ? tab.isBytes(i) : METRICS[i].bytes;
			tr.insertCell().textContent = v ? (isBytes ? bytesText(v) : countText(v)) : "";
		});
	}
	byId("table-box").replaceChildren(table);
	byId("table-more").textContent = rows.length > SHOWN_ROWS ? `${SHOWN_ROWS} of ${countText(rows.length)} rows; search finds the others` : `${countText(rows.length)} rows`;
}
function drawTabs() {
	byId("tabs").replaceChildren(...TABS.map((tab, i) => {
		const button = element("button", tab.name, { role: "tab", "aria-selected": i === state.tab });
		button.addEventListener("click", () => {
			state.tab = i;
			drawTabs();
			drawTable();
			saveState();
		});
		return button;
	}));
}

function histogram(title, counts, percentiles, text) {
	const box = element("div");
	box.append(element("h3", title));
	const names = ["p50", "p90", "p99", "p99.9", "max"];
	box.append(element("p", percentiles.length ? percentiles.map((v, i) => `${names[i]} ${text(v)}`).join(", ") : "none"));
	const bars = element("div", undefined, { class: "bars" });
	const most = Math.max(...counts, 1), last = counts.reduce((l, n, i) => (n ? i : l), -1), first = counts.findIndex((n) => n);
	for (let i = Math.max(first, 0); i <= last; i++) {
		const row = element("div");
		const bar = element("i");
		bar.style.width = (100 * counts[i]) / most + "%";
		const middle = element("span");
		middle.append(bar);
		row.append(element("span", i ? "< " + text(2 ** i) : text(0)), middle, element("span", countText(counts[i])));
		bars.append(row);
	}
	box.append(bars);
	return box;
}

function drawSummary() {
	document.title = `${data.title}: heaptide`;
	byId("title").textContent = data.title;
	byId("command").textContent = data.command.join(" ");
	const seconds = data.endNs / 1e9 || 1;
	const cards = [
		["peak", bytesText(data.peakBytes), `at ${timeText(data.peakNs)}`],
		["leaked", bytesText(data.leakedBytes), `${countText(data.leakedBlocks)} blocks`],
		["allocated", bytesText(data.allocatedBytes), `${countText(data.reallocations)} reallocations`],
		["allocations", countText(data.allocations), `${countText(data.allocations / seconds)} per second`],
		["temporary", partText(data.temporary, data.allocations), `${partText(data.shortLived, data.allocations)} short-lived`],
		["time", timeText(data.endNs), `${numberOf(data.processes, "process", "processes")}, ${numberOf(data.threads, "thread", "threads")}`],
	];
	const o = data.old;
	const before = o ? { peak: `before: ${bytesText(o.peakBytes)}`, leaked: `before: ${bytesText(o.leakedBytes)}`, allocated: `before: ${bytesText(o.allocatedBytes)}`,
		allocations: `before: ${countText(o.allocations)}`, temporary: `before: ${partText(o.temporary, o.allocations)}`, time: `before: ${timeText(o.endNs)}` } : {};
	byId("totals").replaceChildren(...cards.map(([name, value, small]) => {
		const card = element("div");
		const dd = element("dd", value);
		dd.append(element("small", small));
		if (data.old && before[name]) dd.append(element("small", before[name]));
		card.append(element("dt", name), dd);
		return card;
	}));
	if (!data.complete || data.lostEvents) {
		byId("warning").hidden = false;
		byId("warning").textContent = `This recording is not whole: ${countText(data.lostEvents)} events lost, ${countText(data.damages)} damaged places. The numbers are of what is there.`;
	}
	byId("small").textContent = `${data.smallNodes ? `${countText(data.smallNodes)} branches of the tree of stacks, each below ${(data.minPartPpm / 1e4).toPrecision(2)} % of every number, are put together as "[small ones]"; all sums are exact. ` : "Nothing is left out. "}heaptide ${data.version}, recorded on ${data.host}, ${new Date(data.startedMs).toISOString().replace("T", " ").slice(0, 19)} UTC.`;
	byId("histograms").replaceChildren(histogram("Sizes of allocations and reallocations", data.nOfSize, data.sizes, bytesText), histogram("Lifetimes of freed blocks", data.nOfLifetime, data.lifetimes, timeText));
}

/* The address bar keeps the view, so it can be sent to others. */
function saveState() {
	const words = new URLSearchParams();
	if (state.metric) words.set("metric", METRICS[state.metric].name);
	if (state.up) words.set("from", "up");
	if (state.colours !== (data.old ? "change" : "module")) words.set("colours", state.colours);
	if (state.search) words.set("search", state.search);
	if (state.window) words.set("window", state.window.join("-"));
	if (state.tab || data.old) words.set("table", TABS[state.tab].name);
	try {
		history.replaceState(null, "", "#" + words);
	} catch (e) { /* some browsers forbid it for files */ }
}
function loadState() {
	const words = new URLSearchParams(location.hash.slice(1));
	state.metric = Math.max(0, METRICS.findIndex((m) => m.name === words.get("metric")));
	state.up = words.get("from") === "up";
	if (Array.from(byId("colours").options).some((o) => o.value === words.get("colours"))) state.colours = words.get("colours");
	state.search = words.get("search") || "";
	const w = /^(\d+)-(\d+)$/.exec(words.get("window") || "");
	if (w && +w[2] > +w[1]) state.window = [+w[1], Math.min(+w[2], data.nParts)];
	if (words.get("table")) state.tab = Math.max(0, TABS.findIndex((t) => t.name === words.get("table")));
}
function refresh() {
	tree = null;
	matching = null;
	state.zoom = state.picked = 0;
	drawTimeline();
	drawFlame();
	drawTable();
	saveState();
}

for (const m of METRICS) byId("metric").append(element("option", m.label, { value: m.name }));
loadState();
byId("metric").selectedIndex = state.metric;
byId("direction").value = state.up ? "up" : "down";
byId("colours").value = state.colours;
byId("search").value = state.search;
byId("metric").addEventListener("change", (event) => {
	state.metric = event.target.selectedIndex;
	refresh();
});
byId("direction").addEventListener("change", (event) => {
	state.up = event.target.value === "up";
	refresh();
});
byId("colours").addEventListener("change", (event) => {
	state.colours = event.target.value;
	tree = null;
	state.zoom = state.picked = 0;
	drawFlame();
	saveState();
});
let typing = 0;
byId("search").addEventListener("input", (event) => {
	clearTimeout(typing);
	typing = setTimeout(() => {
		state.search = event.target.value.trim();
		matching = null;
		drawFlame();
		drawTable();
		saveState();
	}, 80);
});
document.addEventListener("keydown", (event) => {
	if (event.ctrlKey || event.metaKey || event.altKey) return;
	const isTyping = event.target.matches("input, select");
	if (event.key === "Escape") {
		if (byId("search").value) {
			byId("search").value = state.search = "";
			byId("search").blur();
			refresh();
		} else if (state.zoom) zoomTo(currentTree().parent[state.zoom]);
		else if (state.window) setWindow(null);
	} else if (isTyping) return;
	else if (event.key === "/") {
		event.preventDefault();
		byId("search").focus();
	} else if (event.key === "m") {
		state.metric = (state.metric + 1) % METRICS.length;
		byId("metric").selectedIndex = state.metric;
		refresh();
	} else if (event.key === "i") {
		state.up = !state.up;
		byId("direction").value = state.up ? "up" : "down";
		refresh();
	}
});
let resizing = 0;
addEventListener("resize", () => {
	clearTimeout(resizing);
	resizing = setTimeout(() => {
		drawTimeline();
		drawFlame();
	}, 60);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
	drawTimeline();
	drawFlame();
});
drawSummary();
drawTabs();
refresh();
})();
