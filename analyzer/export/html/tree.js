/* SPDX-License-Identifier: MIT */
/* What is chosen, and the tree of calls that follows from it: values in a window or of a thread, turned over or not. */
const state = { metric: 0, up: false, colours: "module", search: "", window: null, thread: -1, zoom: 0, picked: 0, dark: false, tab: 0, sort: [1, 1, 1, 1] };
const valueText = (n) => (METRICS[state.metric].bytes ? bytesText(n) : countText(n));
const HAS_THREADS = data.threadNames.length > 1;

/* Whether a metric is of all of the recording whatever is chosen. */
const isOfAll = (metric) => METRICS[metric].isWhole || (!state.window && state.thread < 0);
/* Whether what happened in a part of the time, in a thread, is to be shown. */
const isChosen = (part, thread) => (!state.window || (part >= state.window[0] && part < state.window[1])) && (state.thread < 0 || thread === state.thread);

/* Own values of all nodes for a metric, in the window and of the thread when there is one. */
const selfCache = new Map();
function selfValues(metric) {
	if (isOfAll(metric)) return data.self[metric];
	const w = state.window;
	const key = `${metric}:${w || ""}:${state.thread}`;
	if (selfCache.has(key)) return selfCache.get(key);
	const values = new Float64Array(N);
	if (metric === 0 && !w) {
		const [nodes, threads, bytes] = data.threadPeak;
		for (let i = 0; i < nodes.length; i++) if (threads[i] === state.thread) values[nodes[i]] += bytes[i];
	} else {
		const [nodes, parts, count, bytes, live, leaked, temporary, threads] = data.cells;
		const column = [live, leaked, bytes, count, temporary][metric];
		const from = w && metric ? w[0] : 0, to = w ? w[1] : Infinity, thread = state.thread;
		for (let i = 0; i < nodes.length; i++)
			if (parts[i] < to && parts[i] >= from && (thread < 0 || threads[i] === thread)) values[nodes[i]] += column[i];
	}
	if (selfCache.size > 24) selfCache.clear();
	selfCache.set(key, values);
	return values;
}
function totalValues(self) {
	const total = Float64Array.from(self), parent = data.parent;
	for (let i = N - 1; i > 0; i--) total[parent[i]] += total[i];
	return total;
}
function metricLabel() {
	const m = METRICS[state.metric];
	const label = state.window && !m.isWhole ? m.windowLabel || m.label + " in the window" : m.label;
	return state.thread >= 0 && !m.isWhole ? `${label}, by ${threadText(state.thread)}` : label;
}
function threadText(i) {
	const t = data.threadNames[i];
	if (!t) return "all other threads";
	return `${new Set(data.threadNames.filter(Boolean).map((name) => name[1])).size > 1 ? `${t[0]} ${t[1]}, ` : ""}thread ${t[2]} (${t[3]})`;
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

/* Children of all nodes of data: one after another, those of node i from firstChild[i] to firstChild[i + 1]. */
const firstChild = new Int32Array(N + 1), childNodes = new Int32Array(N);
{
	for (let i = 1; i < N; i++) firstChild[data.parent[i] + 1]++;
	for (let i = 0; i < N; i++) firstChild[i + 1] += firstChild[i];
	const next = firstChild.slice();
	for (let i = 1; i < N; i++) childNodes[next[data.parent[i]]++] = i;
}

/*
 * A tree as it is drawn: parent, frame number per node (0: small ones), total value, parts: what the colours are by; children by falling
 * value.
 */
function downTree() {
	const [total, ...parts] = treeValues().map(totalValues);
	const known = new Map();
	const children = (node) => {
		if (!known.has(node))
			known.set(node, Array.from(childNodes.subarray(firstChild[node], firstChild[node + 1])).filter((c) => total[c] > 0).sort((a, b) => total[b] - total[a]));
		return known.get(node);
	};
	return { parent: data.parent, frame: data.frame, total, parts, children };
}
/* From the innermost frame up. A node's children are made when they are asked for: whole, it would have a node for each frame of each stack. */
function upTree() {
	const [self, ...partSelves] = treeValues();
	const parent = [0], frame = [0], total = [0];
	const parts = partSelves.map(() => [0]);
	/* Of each node: the stacks that it is of, and where each of them goes on. */
	const leaves = [[]], places = [[]], known = [];
	const add = (at, leaf, place) => {
		leaves[at].push(leaf);
		places[at].push(place);
		total[at] += self[leaf];
		for (let i = 0; i < parts.length; i++) parts[i][at] += partSelves[i][leaf];
	};
	for (let node = 1; node < N; node++) if (self[node]) add(0, node, node);
	const children = (node) => {
		if (known[node]) return known[node];
		const at = new Map(), list = [];
		for (let i = 0; i < leaves[node].length; i++) {
			const place = places[node][i];
			if (!place) continue;
			const number = data.frame[place];
			let child = at.get(number);
			if (child === undefined) {
				child = parent.push(node) - 1;
				at.set(number, child);
				frame.push(number);
				total.push(0);
				parts.forEach((values) => values.push(0));
				leaves.push([]);
				places.push([]);
				list.push(child);
			}
			add(child, leaves[node][i], data.parent[place]);
		}
		leaves[node] = places[node] = null;
		known[node] = list.filter((c) => total[c] > 0).sort((a, b) => total[b] - total[a]);
		return known[node];
	};
	return { parent, frame, total, parts, children };
}
let tree = null;
function currentTree() {
	if (!tree) tree = state.up ? upTree() : downTree();
	return tree;
}
const frameIn = (t, node) => (node === 0 ? ROOT : t.frame[node] ? data.frames[t.frame[node] - 1] : SMALL);

/* Search: a frame matches by label, file or module. */
let matching = null;
function matches(frame) {
	if (!state.search || frame <= 0) return false;
	if (!matching) {
		const words = state.search.toLowerCase();
		matching = data.frames.map((f) => (f[0] + "\n" + (f[1] || "") + "\n" + (f[3] || "")).toLowerCase().includes(words));
	}
	return matching[frame - 1];
}
/* What stacks with a frame that matches have in all. */
function foundValue() {
	const self = treeValues()[0], inside = new Uint8Array(N);
	let sum = 0;
	for (let i = 1; i < N; i++) {
		inside[i] = inside[data.parent[i]] || matches(data.frame[i]) ? 1 : 0;
		if (inside[i]) sum += self[i];
	}
	return sum;
}
