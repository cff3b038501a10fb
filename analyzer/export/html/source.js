/* SPDX-License-Identifier: MIT */
/* Lines of source with what they allocated beside them, where the page was made with them. */
let source = null; /* the one that is shown */
let sourceLine = 0; /* that was asked for */

/* What each line of each file has: [total, itself] of the chosen number. */
function lineValues() {
	const self = selfValues(state.metric), of = new Map();
	const lines = data.frames.map((f) => (f[1] && f[2] ? f[1] + "\n" + f[2] : ""));
	const at = (key) => of.get(key) || of.set(key, [0, 0]).get(key);
	for (let node = 1; node < N; node++) {
		if (!self[node]) continue;
		const seen = new Set();
		/* A recursion counts once; the innermost line that is known has it itself. */
		for (let n = node; n; n = data.parent[n]) {
			const key = data.frame[n] ? lines[data.frame[n] - 1] : "";
			if (!key || seen.has(key)) continue;
			const values = at(key);
			values[0] += self[node];
			if (!seen.size) values[1] += self[node];
			seen.add(key);
		}
	}
	return of;
}
function drawSource() {
	if (!source) return;
	const values = lineValues();
	const { table, body } = tableOf(source.file, ["line", "total", "itself", "source"]);
	source.chunks.forEach(([first, ...lines], i) => {
		if (i) body.insertRow().append(element("td", "\u22ee", { colspan: 4 }));
		lines.forEach((text, k) => {
			const row = body.insertRow(), line = first + k;
			const [total, itself] = values.get(source.file + "\n" + line) || [0, 0];
			row.append(element("th", line, { scope: "row" }));
			row.insertCell().textContent = total ? valueText(total) : "";
			row.insertCell().textContent = itself ? valueText(itself) : "";
			row.insertCell().append(element("code", text));
			if (line === sourceLine) row.id = "source-line";
		});
	});
	byId("source-note").textContent = `${source.isChanged ? "The file was changed after the recording: lines may have moved. " : ""}${METRICS[state.metric].label[0].toUpperCase() + metricLabel().slice(1)}. Source of ${numberOf(data.sources.length, "file", "files")} (${bytesText(data.sourceBytes)})${data.sourcesLeftOut ? `; ${numberOf(data.sourcesLeftOut, "file", "files")} left out, as more than ${bytesText(data.sourceMaxBytes)} does not go in` : ""}${data.sourcesMissing ? `; ${numberOf(data.sourcesMissing, "file", "files")} not found` : ""}.`;
	byId("source-box").replaceChildren(table);
}
/* Go to the line of a frame, if its file is there. */
function showSource(frame) {
	const found = data.sources && frame[1] && data.sources.find((s) => s.file === frame[1]);
	if (!found) return;
	source = found;
	sourceLine = frame[2];
	byId("source-file").selectedIndex = data.sources.indexOf(found);
	drawSource();
	const row = byId("source-line"), box = byId("source-box");
	if (row) box.scrollTop = row.offsetTop - box.clientHeight / 3;
}
if (data.sources) {
	byId("source").hidden = false;
	byId("source-note").textContent = `No file of source was found: ${numberOf(data.sourcesMissing, "is", "are")} known by name.`;
	byId("source-file").append(...data.sources.map((s) => element("option", s.file)));
	source = data.sources[0] || null;
	byId("source-file").parentNode.hidden = byId("source-box").hidden = !source;
	byId("source-file").addEventListener("change", (event) => {
		source = data.sources[event.target.selectedIndex];
		sourceLine = 0;
		byId("source-box").scrollTop = 0;
		drawSource();
	});
}
