/* SPDX-License-Identifier: MIT */
/* The time line: live bytes as an area, allocations and temporary ones below, marks and phases; a span of it is the window. */
const LEFT = 68, RIGHT = 4, TIMELINE_HEIGHT = 190, SPLIT = 128, BOTTOM = TIMELINE_HEIGHT - 16;
const END = Math.max(data.endNs, 1);
const timeline = byId("timeline");
const lastPart = Math.max(1, Math.min(data.nParts, Math.ceil(data.endNs / data.partNs)));

/* Per part of the time: allocations, temporary ones, change of live bytes; in it or of a thread, as is chosen. */
function sumParts(thread) {
	const sums = { count: new Float64Array(data.nParts), temporary: new Float64Array(data.nParts), live: new Float64Array(data.nParts), bytes: new Float64Array(data.nParts) };
	const [, parts, count, bytes, live, , temporary, threads] = data.cells;
	for (let i = 0; i < parts.length; i++) {
		if (thread >= 0 && threads[i] !== thread) continue;
		sums.count[parts[i]] += count[i];
		sums.bytes[parts[i]] += bytes[i];
		sums.live[parts[i]] += live[i];
		sums.temporary[parts[i]] += temporary[i];
	}
	return sums;
}
const partSums = new Map();
function sumsOfParts() {
	if (!partSums.has(state.thread)) partSums.set(state.thread, sumParts(state.thread));
	return partSums.get(state.thread);
}
/* What the window has in all, in words. */
function windowText() {
	const w = state.window, sums = sumsOfParts();
	let count = 0, bytes = 0, live = 0;
	for (let i = 0; i < w[1]; i++) {
		live += sums.live[i];
		if (i < w[0]) continue;
		count += sums.count[i];
		bytes += sums.bytes[i];
	}
	return `${timeText(w[0] * data.partNs)} to ${timeText(Math.min(w[1] * data.partNs, data.endNs))}: all views show this window. ${numberOf(count, "allocation", "allocations")}, ${bytesText(bytes)} allocated, ${bytesText(live)} live at its end.`;
}

function drawTimeline() {
	const width = timeline.clientWidth;
	const c = prepare(timeline, width, TIMELINE_HEIGHT);
	const xOf = (ns) => LEFT + ((width - LEFT - RIGHT) * ns) / END;
	const points = data.timeline, highest = data.resident.reduce((m, s) => Math.max(m, s[1]), Math.max(data.peakBytes, 1));
	const most = points.reduce((m, p) => Math.max(m, p[2]), 1);
	const yLive = (v) => SPLIT - (SPLIT - 14) * (v / highest);
	const endOf = (i) => xOf(i + 1 < points.length ? points[i + 1][0] : END);
	c.font = "11px system-ui, sans-serif";
	if (state.window) {
		c.fillStyle = css("--card");
		const from = xOf(state.window[0] * data.partNs), to = xOf(Math.min(state.window[1] * data.partNs, END));
		c.fillRect(from, 0, to - from, BOTTOM);
		c.strokeStyle = css("--soft");
		c.strokeRect(from, 0.5, to - from, BOTTOM - 1);
	}
	c.globalAlpha = 0.75;
	c.fillStyle = css("--live");
	c.beginPath();
	c.moveTo(LEFT, SPLIT);
	points.forEach((p, i) => {
		c.lineTo(xOf(p[0]), yLive(p[1]));
		c.lineTo(endOf(i), yLive(p[1]));
	});
	c.lineTo(xOf(END), SPLIT);
	c.fill();
	c.fillStyle = css("--rate");
	points.forEach((p, i) => {
		const h = ((BOTTOM - SPLIT - 8) * p[2]) / most;
		c.fillRect(xOf(p[0]), BOTTOM - h, Math.max(endOf(i) - xOf(p[0]), 1), h);
	});
	c.globalAlpha = 1;
	drawResident(c, xOf, yLive);
	drawParts(c, xOf, yLive);
	c.fillStyle = css("--soft");
	c.textAlign = "right";
	c.fillText(bytesText(highest), LEFT - 6, 18);
	c.fillText("live", LEFT - 6, SPLIT - 2);
	c.fillText("allocs", LEFT - 6, BOTTOM - 14);
	c.fillText("churn", LEFT - 6, BOTTOM - 2);
	c.textAlign = "left";
	c.fillText("0", LEFT, TIMELINE_HEIGHT - 3);
	c.textAlign = "right";
	c.fillText(timeText(END), width - RIGHT, TIMELINE_HEIGHT - 3);
	drawMarks(c, xOf, width);
	drawPeak(c, xOf(data.peakNs), width);
	timeline.setAttribute("aria-label", `Live bytes and allocations over ${timeText(END)}: at most ${bytesText(data.peakBytes)} at ${timeText(data.peakNs)}${data.resident.length ? `; resident at most ${bytesText(Math.max(...data.resident.map((s) => s[1])))}` : ""}${data.marks.length ? "; marks: " + data.marks.slice(0, 20).map(([ns, label]) => `${label} at ${timeText(ns)}`).join(", ") : ""}. Arrow keys move a window, plus and minus change it.`);
	byId("window-text").textContent = state.window ? windowText() : "Drag over the time line to see a part of it.";
	byId("window-all").hidden = !state.window;
}
/* What processes had in memory, as a line over what was live. */
function drawResident(c, xOf, yLive) {
	if (!data.resident.length) return;
	c.strokeStyle = c.fillStyle = css("--fore");
	c.lineWidth = 1.5;
	c.beginPath();
	data.resident.forEach(([ns, bytes], i) => {
		if (i) c.lineTo(xOf(ns), yLive(data.resident[i - 1][1]));
		c[i ? "lineTo" : "moveTo"](xOf(ns), yLive(bytes));
	});
	c.stroke();
	c.lineWidth = 1;
	c.textAlign = "right";
	c.fillText("resident", LEFT - 6, 33);
}
/* Of each part, how much of the allocations was temporary; and what the thread had live, when one is chosen. */
function drawParts(c, xOf, yLive) {
	const { count, temporary, live } = sumsOfParts();
	let level = 0;
	c.fillStyle = css("--mark");
	for (let i = 0; i < lastPart; i++) {
		const x = xOf(i * data.partNs), x2 = xOf(Math.min((i + 1) * data.partNs, END));
		const h = count[i] ? (BOTTOM - SPLIT - 8) * Math.min(1, temporary[i] / count[i]) : 0;
		if (count[i]) c.fillRect(x, BOTTOM - h, Math.max(x2 - x, 1), Math.min(h, 2));
		level += live[i];
		if (state.thread >= 0) c.fillRect(x, yLive(Math.max(level, 0)) - 1, Math.max(x2 - x, 1), 2);
	}
}
function drawPeak(c, x, width) {
	const isRight = x > width / 2;
	c.strokeStyle = c.fillStyle = css("--mark");
	c.beginPath();
	c.moveTo(x, 4);
	c.lineTo(x, SPLIT);
	c.stroke();
	c.textAlign = isRight ? "right" : "left";
	c.fillText("peak", x + (isRight ? -4 : 4), 11);
}
/* What the program named: a line for each, and its label where there is room. */
function drawMarks(c, xOf, width) {
	let free = 0;
	c.strokeStyle = css("--soft");
	c.textAlign = "left";
	c.setLineDash([3, 3]);
	for (const [ns, label] of data.marks) {
		const x = xOf(ns), textWidth = c.measureText(label).width;
		c.beginPath();
		c.moveTo(x, 16);
		c.lineTo(x, SPLIT);
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

/* What happened from mark to mark; each is a window. */
function drawPhases() {
	if (!data.phases.length) return;
	const { table, body } = tableOf("Phases, from mark to mark", ["phase", "from", "length", "allocations", "bytes", "peak", "live at its end", "leaked of it"]);
	for (const [label, from, to, count, bytes, peak, live, leaked] of data.phases) {
		const row = body.insertRow();
		const head = element("th", undefined, { scope: "row" });
		const button = element("button", label === null ? "(beginning)" : label, { title: "see this phase, in whole parts of the time line" });
		button.addEventListener("click", () => setWindow(Math.floor(from / data.partNs), Math.ceil(to / data.partNs)));
		head.append(button);
		row.append(head);
		for (const text of [timeText(from), timeText(to - from), countText(count), bytesText(bytes), bytesText(peak), bytesText(live), bytesText(leaked)]) row.insertCell().textContent = text;
	}
	byId("phases").hidden = false;
	byId("phases").append(table);
	if (data.nPhases > data.phases.length) byId("phases").append(element("p", `The first ${data.phases.length} of ${countText(data.nPhases)} phases.`));
}

function setWindow(from, to) {
	if (from === null || (from <= 0 && to >= lastPart)) state.window = null;
	else {
		from = Math.max(0, Math.min(from, lastPart - 1));
		state.window = [from, Math.max(from + 1, Math.min(to, lastPart))];
	}
	refresh();
}
/* Dragging: what will be selected is shown on the way. */
{
	const brush = byId("brush");
	let start = null;
	const partAt = (event) => {
		const area = timeline.getBoundingClientRect();
		const part = ((event.clientX - area.left - LEFT) / (area.width - LEFT - RIGHT)) * (data.endNs / data.partNs);
		return Math.max(0, Math.min(lastPart, part));
	};
	const spanTo = (event) => {
		const end = partAt(event);
		return Math.abs(end - start) < 0.3 ? null : [Math.floor(Math.min(start, end)), Math.ceil(Math.max(start, end))];
	};
	timeline.addEventListener("pointerdown", (event) => {
		start = partAt(event);
		timeline.setPointerCapture(event.pointerId);
	});
	timeline.addEventListener("pointermove", (event) => {
		const span = start === null ? null : spanTo(event);
		brush.hidden = !span;
		if (!span) return;
		const each = ((timeline.clientWidth - LEFT - RIGHT) * data.partNs) / END, right = timeline.clientWidth - RIGHT;
		brush.style.left = LEFT + span[0] * each + "px";
		brush.style.width = Math.min(right, LEFT + span[1] * each) - (LEFT + span[0] * each) + "px";
	});
	timeline.addEventListener("pointerup", (event) => {
		if (start === null) return;
		const span = spanTo(event) || [null];
		start = null;
		brush.hidden = true;
		setWindow(...span);
	});
	timeline.addEventListener("pointercancel", () => {
		start = null;
		brush.hidden = true;
	});
	timeline.addEventListener("keydown", (event) => {
		let [from, to] = state.window || [0, lastPart];
		if (event.key === "ArrowRight" && to < lastPart) [from, to] = [from + 1, to + 1];
		else if (event.key === "ArrowLeft" && from > 0) [from, to] = [from - 1, to - 1];
		else if (event.key === "+") to = from + Math.max(1, Math.floor((to - from) / 2));
		else if (event.key === "-") [from, to] = [from - Math.ceil((to - from) / 2), to + Math.ceil((to - from) / 2)];
		else return;
		event.preventDefault();
		setWindow(from, to);
	});
	byId("window-all").addEventListener("click", () => setWindow(null));
}
