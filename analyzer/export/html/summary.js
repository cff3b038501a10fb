/* SPDX-License-Identifier: MIT */
/* What needs no looking for: totals, findings, what was not seen; and histograms of sizes and lifetimes. */
function drawTotals() {
	document.title = `${data.title}: heaptide`;
	byId("title").textContent = data.title;
	byId("command").textContent = data.command.join(" ");
	const seconds = data.endNs / 1e9 || 1;
	const cards = [
		["peak", bytesText(data.peakBytes), `at ${timeText(data.peakNs)}`],
		["leaked", bytesText(data.leakedBytes), numberOf(data.leakedBlocks, "block", "blocks")],
		["allocated", bytesText(data.allocatedBytes), numberOf(data.reallocations, "reallocation", "reallocations")],
		["allocations", countText(data.allocations), `${countText(data.allocations / seconds)} per second`],
		["temporary", partText(data.temporary, data.allocations), `${partText(data.shortLived, data.allocations)} short-lived`],
		["time", timeText(data.endNs), `${numberOf(data.processes, "process", "processes")}${data.programs > data.processes ? ` running ${countText(data.programs)} programs` : ""}, ${numberOf(data.threads, "thread", "threads")}`],
	];
	const o = data.old;
	const before = o ? { peak: bytesText(o.peakBytes), leaked: bytesText(o.leakedBytes), allocated: bytesText(o.allocatedBytes), allocations: countText(o.allocations), temporary: partText(o.temporary, o.allocations), time: timeText(o.endNs) } : {};
	byId("totals").replaceChildren(...cards.map(([name, value, small]) => {
		const card = element("div");
		const dd = element("dd", value);
		dd.append(element("small", small));
		if (before[name]) dd.append(element("small", `before: ${before[name]}`));
		card.append(element("dt", name), dd);
		return card;
	}));
	byId("small").textContent = `${data.smallNodes ? `${countText(data.smallNodes)} branches of the tree of stacks, each below ${(data.minPartPpm / 1e4).toPrecision(2)} % of every number, are put together as "[small ones]"; all sums are exact. ` : "Nothing is left out. "}heaptide ${data.version}, recorded on ${data.host}, ${new Date(data.startedMs).toISOString().replace("T", " ").slice(0, 19)} UTC.`;
}
function drawWarnings() {
	if (!data.complete || data.lostEvents) {
		byId("warning").hidden = false;
		byId("warning").textContent = `This recording is not whole: ${countText(data.lostEvents)} events lost, ${countText(data.damages)} damaged places. The numbers are of what is there.`;
	}
	drawText("misuses", data.misuses.replace(/^\n*MISUSE */, "").replace(/\n {0,9}/g, "\n"));
	/* The first line is the heading of the section that this was. */
	drawText("not-seen", data.notSeen.split("\n").slice(1).map((line) => line.replace(/^ {0,15}/, "")).join("\n"));
	drawText("words", data.words);
}
function drawText(name, text) {
	byId(name).hidden = !text.trim();
	byId(name + "-text").textContent = text.trim();
}
function drawFindings() {
	if (!data.findings.length) return;
	byId("findings").hidden = false;
	byId("finding-list").replaceChildren(...data.findings.map((finding, i) => {
		const item = element("li");
		const named = finding.stack.find((f) => f.function) || finding.stack[0];
		const button = element("button", named.function || named.address, { title: "show in the flame graph" });
		button.addEventListener("click", () => showInFlame(data.findingNodes[i]));
		const place = named.file ? ` ${named.file}${named.line ? ":" + named.line : ""}` : named.module ? ` [${named.module.split("/").pop()}]` : "";
		const evidence = element("p");
		evidence.append(element("strong", `${(100 * finding.share).toFixed(1)} %`), ` ${countText(finding.count)} ${finding.what}, in `, button, place);
		item.append(evidence, element("p", finding.advice, { class: "advice" }));
		return item;
	}));
	if (data.nFindings > data.findings.length) byId("findings").append(element("p", `The ${data.findings.length} largest of ${countText(data.nFindings)}; heaptide report --findings has the others.`));
}

const PERCENTILES = [["p50", 0.5], ["p90", 0.9], ["p99", 0.99], ["p99.9", 0.999], ["max", 1]];
/* How often each magnitude occurred in the window, in the thread. */
function magnitudes([parts, threads, bits, counts]) {
	const sums = [];
	for (let i = 0; i < parts.length; i++) {
		if (!isChosen(parts[i], threads[i])) continue;
		while (sums.length <= bits[i]) sums.push(0);
		sums[bits[i]] += counts[i];
	}
	return sums;
}
/* Exact for everything; else known by the bars, to the power of two above. */
function percentileText(sums, exact, text) {
	if (!state.window && state.thread < 0) return exact.map((v, i) => `${PERCENTILES[i][0]} ${text(v)}`).join(", ");
	const whole = sums.reduce((a, b) => a + b, 0);
	let seen = 0, at = 0;
	return whole ? PERCENTILES.map(([name, part]) => {
		while (at < sums.length - 1 && seen + sums[at] < part * whole) seen += sums[at++];
		return `${name} ${at ? "< " + text(2 ** at) : text(0)}`;
	}).join(", ") : "";
}
function histogram(title, cells, exact, text) {
	const box = element("div"), sums = magnitudes(cells);
	box.append(element("h3", title), element("p", percentileText(sums, exact, text) || "none"));
	const bars = element("div", undefined, { class: "bars" });
	const most = Math.max(...sums, 1);
	for (let i = Math.max(sums.findIndex((n) => n), 0); i < sums.length; i++) {
		const row = element("div"), bar = element("i"), middle = element("span");
		bar.style.width = (100 * sums[i]) / most + "%";
		middle.append(bar);
		row.append(element("span", i ? "< " + text(2 ** i) : text(0)), middle, element("span", countText(sums[i])));
		bars.append(row);
	}
	box.append(bars);
	return box;
}
function drawHistograms() {
	byId("histograms").replaceChildren(histogram("Sizes of allocations and reallocations", data.nOfSize, data.sizes, bytesText), histogram("Lifetimes of freed blocks", data.nOfLifetime, data.lifetimes, timeText));
}
