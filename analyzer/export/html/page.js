/* SPDX-License-Identifier: MIT */
/* The page as a whole: what is chosen goes to all views, and into the address, so it can be sent to others. */
function saveState() {
	const words = new URLSearchParams();
	if (state.metric) words.set("metric", METRICS[state.metric].name);
	if (state.up) words.set("from", "up");
	if (state.colours !== (data.old ? "change" : "module")) words.set("colours", state.colours);
	if (state.search) words.set("search", state.search);
	if (state.window) words.set("window", state.window.join("-"));
	if (state.thread >= 0) words.set("thread", state.thread);
	if (state.tab || data.old) words.set("table", TABS[state.tab].name);
	/* Browsers count these calls, and refuse too many of them. */
	if (location.hash.slice(1) === String(words)) return;
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
	if (HAS_THREADS && /^\d+$/.test(words.get("thread") || "") && +words.get("thread") < data.threadNames.length) state.thread = +words.get("thread");
	if (words.get("table")) state.tab = Math.max(0, TABS.findIndex((t) => t.name === words.get("table")));
}
function refresh() {
	tree = null;
	matching = null;
	state.zoom = state.picked = 0;
	drawTimeline();
	drawFlame();
	drawTable();
	drawHistograms();
	drawSource();
	saveState();
}

for (const m of METRICS) byId("metric").append(element("option", m.label, { value: m.name }));
byId("thread").append(element("option", "all"), ...data.threadNames.map((_, i) => element("option", threadText(i))));
byId("thread-label").hidden = !HAS_THREADS;
loadState();
byId("metric").selectedIndex = state.metric;
byId("direction").value = state.up ? "up" : "down";
byId("colours").value = state.colours;
byId("search").value = state.search;
byId("thread").selectedIndex = state.thread + 1;
byId("metric").addEventListener("change", (event) => {
	state.metric = event.target.selectedIndex;
	refresh();
});
byId("thread").addEventListener("change", (event) => {
	state.thread = event.target.selectedIndex - 1;
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
	const isTyping = event.target instanceof Element && event.target.matches("input, select");
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
	} else if (event.key === "t" && HAS_THREADS) {
		state.thread = state.thread + 1 < data.threadNames.length ? state.thread + 1 : -1;
		byId("thread").selectedIndex = state.thread + 1;
		refresh();
	}
});
function drawCanvases() {
	drawTimeline();
	drawFlame();
}
addEventListener("resize", () => soon(drawCanvases));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawCanvases);
drawTotals();
drawWarnings();
drawFindings();
drawPhases();
drawTabs();
refresh();
