/* SPDX-License-Identifier: MIT */
/* Tables of places, functions, leaks and changes: to sort, and filtered by the search. */
const SHOWN_ROWS = 100;
const N_CALLERS = 4; /* in the small text below a place */
const COLUMNS = METRICS.map((m) => m.name);
const hasPart = () => Boolean(state.window) || state.thread >= 0;
const labelOf = (f) => f[0] + (f[2] ? ":" + f[2] : "");

/* The nodes above one: as many as a place is shown with. */
function callersOf(node) {
	const above = [];
	for (let n = data.parent[node]; n && above.length < N_CALLERS; n = data.parent[n]) above.push(n);
	return above;
}
/* Rows are made of numbers first: text is for the few that are shown. */
function placeRows() {
	const selves = METRICS.map((_, m) => selfValues(m));
	/* What is of all of the recording says nothing about a part of it. */
	const all = data.old ? selves.concat(data.oldSelf) : hasPart() ? selves.filter((_, m) => !METRICS[m].isWhole) : selves;
	const found = [];
	for (let node = 1; node < N; node++) {
		if (!all.some((self) => self[node])) continue;
		if (state.search && !matches(data.frame[node]) && !callersOf(node).some((n) => matches(data.frame[n]))) continue;
		found.push({ node, values: selves.map((self) => self[node]) });
	}
	return found;
}
function placeWords({ node }) {
	const f = frameOf(node), from = callersOf(node).map((n) => labelOf(frameOf(n)));
	return [f[0], `${placeText(f)}${from.length ? "  from " + from.join(" < ") : ""}`];
}

/* Numbers of functions by node, and whether a node is the outermost of its function: a recursion counts once. */
const functions = { of: new Int32Array(N), isOutermost: new Uint8Array(N), n: 0 };
{
	const numbers = new Map();
	const ofFrame = data.frames.map((f) => {
		const key = f[0] + "\n" + (f[3] || "");
		if (!numbers.has(key)) numbers.set(key, numbers.size + 1);
		return numbers.get(key);
	});
	functions.n = numbers.size + 1;
	for (let node = 1; node < N; node++) {
		const number = data.frame[node] ? ofFrame[data.frame[node] - 1] : 0;
		functions.of[node] = number;
		if (!number) continue;
		let above = data.parent[node];
		while (above && functions.of[above] !== number) above = data.parent[above];
		functions.isOutermost[node] = above ? 0 : 1;
	}
}
function functionRows() {
	const selves = [0, 1, 2, 3, 4].map(selfValues), totals = selves.map(totalValues);
	const own = selves[Math.min(state.metric, 4)];
	const found = new Array(functions.n);
	for (let node = 1; node < N; node++) {
		const number = functions.of[node];
		if (!number || (state.search && !matches(data.frame[node]))) continue;
		if (!found[number]) found[number] = { node, values: [0, 0, 0, 0, 0, 0] };
		const { values } = found[number];
		values[5] += own[node];
		if (functions.isOutermost[node]) for (let m = 0; m < 5; m++) values[m] += totals[m][node];
	}
	return found.filter((row) => row && row.values.some((v) => v));
}
/* What became of the chosen number, function by function in its place. */
function changeRows() {
	const now = data.self[state.metric], old = data.oldSelf[state.metric];
	return placeRows().map(({ node }) => ({ node, values: [now[node] - old[node], now[node], old[node]] })).filter((row) => row.values[0]);
}
const functionWords = ({ node }) => [frameOf(node)[0], frameOf(node)[3] ? `[${frameOf(node)[3]}]` : ""];
const TABS = [
	{ name: "Places", columns: COLUMNS, rows: placeRows, words: placeWords },
	{ name: "Functions", columns: COLUMNS.slice(0, 5).concat("itself"), rows: functionRows, words: functionWords, isBytes: (i) => METRICS[i === 5 ? Math.min(state.metric, 4) : i].bytes },
	{ name: "Leaks", columns: COLUMNS, rows: () => placeRows().filter((row) => row.values[1] > 0), words: placeWords },
];
if (data.old) {
	TABS.push({ name: "Changes", columns: ["change", "now", "before"], rows: changeRows, words: placeWords, isBytes: () => METRICS[state.metric].bytes });
	state.tab = TABS.length - 1;
	state.colours = "change";
	byId("colours").append(element("option", "by change", { value: "change" }));
}

function showInFlame(node) {
	state.up = false;
	byId("direction").value = "down";
	tree = null;
	zoomTo(node);
	byId("flame-title").scrollIntoView({ behavior: "smooth" });
}
function drawTable() {
	const tab = TABS[state.tab];
	const [column, direction] = [Math.abs(state.sort[state.tab]) - 1, Math.sign(state.sort[state.tab])];
	const found = tab.rows().sort((a, b) => direction * (b.values[column] - a.values[column]) || a.node - b.node);
	const table = element("table");
	table.append(element("caption", tab.name));
	const head = table.createTHead().insertRow();
	head.append(element("th", state.tab === 1 ? "function" : "place", { scope: "col" }));
	tab.columns.forEach((name, i) => {
		const th = element("th", undefined, { scope: "col", "aria-sort": i === column ? (direction > 0 ? "descending" : "ascending") : "none" });
		const button = element("button", name === "own-peak" && hasPart() ? "own-peak in all" : name);
		button.addEventListener("click", () => {
			state.sort[state.tab] = (i === column ? -direction : 1) * (i + 1);
			drawTable();
			byId("table-box").querySelectorAll("th button")[i].focus();
			saveState();
		});
		th.append(button);
		head.append(th);
	});
	const body = table.createTBody();
	for (const row of found.slice(0, SHOWN_ROWS)) {
		const tr = body.insertRow();
		const [text, small] = tab.words(row);
		const th = element("th", undefined, { scope: "row" });
		const button = element("button", text, { title: "show in the flame graph" });
		button.addEventListener("click", () => {
			showInFlame(state.tab === 1 ? row.node : data.parent[row.node]);
			showSource(frameOf(row.node));
		});
		th.append(button, element("small", small));
		tr.append(th);
		row.values.forEach((v, i) => {
			const isBytes = tab.isBytes ? tab.isBytes(i) : METRICS[i].bytes;
			tr.insertCell().textContent = v ? (isBytes ? bytesText(v) : countText(v)) : "";
		});
	}
	byId("table-box").replaceChildren(table);
	byId("table-more").textContent = found.length > SHOWN_ROWS ? `${SHOWN_ROWS} of ${numberOf(found.length, "row", "rows")}; search finds the others` : numberOf(found.length, "row", "rows");
}
/* One stop of the Tab key; arrows go from tab to tab. */
function chooseTab(i) {
	state.tab = i;
	drawTabs();
	drawTable();
	saveState();
}
function drawTabs() {
	byId("tabs").replaceChildren(...TABS.map((tab, i) => {
		const isChosenTab = i === state.tab;
		const button = element("button", tab.name, { role: "tab", id: "tab-" + i, "aria-selected": isChosenTab, "aria-controls": "table-box", tabindex: isChosenTab ? 0 : -1 });
		button.addEventListener("click", () => chooseTab(i));
		return button;
	}));
	byId("table-box").setAttribute("aria-labelledby", "tab-" + state.tab);
}
byId("tabs").addEventListener("keydown", (event) => {
	const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
	if (!step) return;
	event.preventDefault();
	chooseTab((state.tab + step + TABS.length) % TABS.length);
	byId("tab-" + state.tab).focus();
});
