/* SPDX-License-Identifier: MIT */
/* What the page is about: the data that heaptide wrote, two runs put into one tree, and numbers as people read them. */
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const METRICS = [
	{ name: "peak", label: "live at the peak", bytes: true, windowLabel: "live at the end of the window" },
	{ name: "leaked", label: "leaked", bytes: true, windowLabel: "allocated in the window, never freed" },
	{ name: "allocated", label: "bytes allocated", bytes: true },
	{ name: "count", label: "allocations", bytes: false },
	{ name: "temporary", label: "temporary allocations", bytes: false },
	{ name: "own-peak", label: "own peak of each place", bytes: true, isWhole: true },
];

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
	now.findingNodes = now.findingNodes.map((node) => nowAt[node]);
	Object.assign(now, { parent, frame, frames });
	/* Boxes are functions of both runs: neither threads nor lines are told apart. */
	now.threadNames = [null];
	delete now.sources;
}
if (data.old) mergeRuns(data, data.old);

const N = data.parent.length;
const SMALL = ["[small ones]", null, 0, null, 0];
const ROOT = ["all", null, 0, null, 0];
const frameOf = (node) => (node === 0 ? ROOT : data.frame[node] ? data.frames[data.frame[node] - 1] : SMALL);

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
function placeText(f) {
	if (f[1]) return f[1] + (f[2] ? ":" + f[2] : "") + (f[4] ? " (inlined)" : "");
	return f[3] ? "[" + f[3] + "]" : "";
}

function element(tag, text, attributes) {
	const e = document.createElement(tag);
	if (text !== undefined) e.textContent = text;
	for (const key in attributes || {}) e.setAttribute(key, attributes[key]);
	return e;
}
function tableOf(caption, columns) {
	const table = element("table");
	table.append(element("caption", caption));
	const head = table.createTHead().insertRow();
	for (const name of columns) head.append(element("th", name, { scope: "col" }));
	return { table, body: table.createTBody() };
}
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;

/* A canvas in real pixels; drawing is in CSS pixels. */
function prepare(canvas, width, height) {
	const scale = window.devicePixelRatio || 1;
	canvas.width = Math.round(width * scale);
	canvas.height = Math.round(height * scale);
	const c = canvas.getContext("2d");
	c.setTransform(scale, 0, 0, scale, 0, 0);
	return c;
}
