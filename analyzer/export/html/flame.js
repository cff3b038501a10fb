/* SPDX-License-Identifier: MIT */
/* The flame graph: the part of it that is in view is drawn, and drawn again when something changes. */
const ROW = 19;
const minWidth = () => 1 / (window.devicePixelRatio || 1); /* of a box that is drawn: one pixel of the screen */
const NEUTRAL = "hsl(210 8% 60% / .45)";

function hue(text) {
	let h = 0;
	for (let i = 0; i < text.length; i++) h = (h * 31 + text.charCodeAt(i)) >>> 0;
	return h % 360;
}
const shade = (h, part) => `hsl(${h} ${Math.round(20 + 60 * part)}% ${Math.round(state.dark ? 40 - 4 * part : 84 - 22 * part)}%)`;
/* Colours of nodes by numbers: a hue, and how much of it. */
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
/* What colours mean where they mean something. */
function drawKey() {
	const words = showsChange() ? [[8, "more than before"], [212, "less"], [null, "as before"]]
		: state.colours === "leaks" ? [[8, "never freed"], [212, "mostly kept by the runtime on purpose"], [null, "all freed"]] : [];
	byId("key").replaceChildren(...words.flatMap(([h, text]) => {
		const box = element("i");
		box.style.background = h === null ? NEUTRAL : shade(h, 0.7);
		return [box, text];
	}));
	byId("key").hidden = words.length === 0;
}
/* Of frames by number, as long as what they are by does not change. */
let frameColours = { by: "", of: [] };
function frameColour(number) {
	const by = `${state.colours} ${state.dark}`;
	if (frameColours.by !== by) frameColours = { by, of: [] };
	if (!frameColours.of[number]) {
		const f = data.frames[number - 1];
		frameColours.of[number] = !number ? (state.dark ? "#3a424d" : "#d5dae0")
			: `hsl(${hue(state.colours === "module" ? f[3] || "?" : f[0])} ${state.dark ? 38 : 62}% ${state.dark ? 34 : 78}%)`;
	}
	return frameColours.of[number];
}

/* Boxes by rows; the path to the zoomed node stays above it at full width. */
let rows = [];
function layOut(t, width) {
	const least = minWidth();
	rows = [];
	for (let n = state.zoom; ; n = t.parent[n]) {
		rows.unshift([{ node: n, x: 0, w: width }]);
		if (n === 0) break;
	}
	for (let level = rows[rows.length - 1]; ; ) {
		const below = [];
		for (const b of level) {
			const scale = b.w / t.total[b.node];
			if (!(b.w >= least)) continue;
			let x = b.x;
			for (const child of t.children(b.node)) {
				const w = t.total[child] * scale;
				if (w < least) break;
				below.push({ node: child, x, w });
				x += w;
			}
		}
		if (!below.length) return;
		rows.push(below);
		level = below;
	}
}

const flame = byId("flame");
/* Lay everything out anew, and draw. */
function drawFlame() {
	const t = currentTree();
	state.dark = isDark();
	layOut(t, Math.max(280, byId("flame-box").clientWidth));
	byId("flame-space").style.height = rows.length * ROW + "px";
	const found = state.search ? foundValue() : 0;
	byId("found").textContent = state.search ? `${valueText(found)}, ${partText(found, t.total[0])}` : "";
	byId("zoom-out").hidden = state.zoom === 0;
	drawKey();
	paintFlame();
	showPicked();
}
/* Draw the rows in view. */
function paintFlame() {
	const t = currentTree();
	const box = byId("flame-box");
	const width = Math.max(280, box.clientWidth), height = Math.min(rows.length * ROW, box.clientHeight);
	const top = box.scrollTop, first = Math.floor(top / ROW), last = Math.min(rows.length, Math.ceil((top + height) / ROW));
	flame.style.height = height + "px";
	const c = prepare(flame, width, height);
	const byColour = new Map(), pick = css("--pick"), line = css("--line");
	for (let row = first; row < last; row++) {
		for (const b of rows[row]) {
			const number = b.node ? t.frame[b.node] : -1;
			const colour = number < 0 ? line : matches(number) ? pick : t.parts.length ? colourByParts(t, b.node) : frameColour(number);
			const y = row * ROW - top;
			if (!byColour.has(colour)) byColour.set(colour, []);
			byColour.get(colour).push(b.x, y, b.w > 2 ? b.w - 0.5 : b.w);
		}
	}
	for (const [colour, boxes] of byColour) {
		c.fillStyle = colour;
		for (let i = 0; i < boxes.length; i += 3) c.fillRect(boxes[i], boxes[i + 1], boxes[i + 2], ROW - 1);
	}
	paintLabels(c, t, first, last, top);
	paintPicked(c, first, last, top);
}
/* All letters are as wide, so that what fits need not be measured. */
function paintLabels(c, t, first, last, top) {
	const fore = css("--fore");
	c.font = "11.5px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace";
	c.textBaseline = "middle";
	const letter = c.measureText("m".repeat(20)).width / 20;
	c.fillStyle = fore;
	for (let row = first; row < last; row++) {
		for (const b of rows[row]) {
			const fits = Math.floor((b.w - 6) / letter);
			if (fits < 3) continue;
			const text = b.node ? frameIn(t, b.node)[0] : "all: " + valueText(showsChange() ? t.parts[0][0] : t.total[0]);
			const isFound = matches(b.node ? t.frame[b.node] : -1);
			if (isFound) c.fillStyle = "#1b1f24";
			c.fillText(text.length > fits ? text.slice(0, fits - 1) + "\u2026" : text, b.x + 3, row * ROW - top + ROW / 2);
			if (isFound) c.fillStyle = fore;
		}
	}
}
function rowOfPicked() {
	let depth = 0;
	for (let n = state.picked; n; n = currentTree().parent[n]) depth++;
	return depth;
}
function paintPicked(c, first, last, top) {
	if (document.activeElement !== flame) return;
	const row = rowOfPicked();
	const b = row >= first && row < last && rows[row].find((one) => one.node === state.picked);
	if (!b) return;
	c.strokeStyle = css("--mark");
	c.lineWidth = 2;
	c.strokeRect(b.x + 1, row * ROW - top + 1, Math.max(b.w - 2.5, 1), ROW - 3);
}
function showPicked() {
	const t = currentTree();
	const node = state.picked < t.parent.length ? state.picked : 0;
	const f = frameIn(t, node);
	const now = showsChange() ? t.parts[0][node] : t.total[node], old = showsChange() ? t.parts[1][node] : 0;
	byId("frame-text").textContent = `${f[0]}  ${placeText(f)}  ` + (showsChange()
		? `${valueText(old)} before, ${valueText(now)} now: ${now < old ? "" : "+"}${valueText(now - old)} ${metricLabel()}`
		: `${valueText(now)}, ${partText(now, t.total[0])} of ${metricLabel()}`);
}

/* One drawing for each frame of the screen, however often it is asked for. */
const asked = new Set();
function soon(draw) {
	if (asked.has(draw)) return;
	asked.add(draw);
	requestAnimationFrame(() => {
		asked.delete(draw);
		draw();
	});
}
function boxAt(event) {
	const area = flame.getBoundingClientRect();
	const x = event.clientX - area.left, row = Math.floor((event.clientY - area.top + byId("flame-box").scrollTop) / ROW);
	return (rows[row] || []).find((b) => x >= b.x && x < b.x + b.w);
}
function zoomTo(node) {
	state.zoom = node;
	state.picked = node;
	drawFlame();
	showSource(frameIn(currentTree(), node));
	saveState();
}
/* The row of the picked node into view. */
function scrollToPicked() {
	const box = byId("flame-box"), y = rowOfPicked() * ROW;
	if (y < box.scrollTop) box.scrollTop = y;
	else if (y + ROW > box.scrollTop + box.clientHeight) box.scrollTop = y + ROW - box.clientHeight;
}
flame.addEventListener("mousemove", (event) => {
	const b = boxAt(event);
	if (b && b.node !== state.picked) {
		state.picked = b.node;
		soon(showPicked);
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
	scrollToPicked();
	paintFlame();
	showPicked();
});
flame.addEventListener("focus", () => soon(paintFlame));
flame.addEventListener("blur", () => soon(paintFlame));
byId("flame-box").addEventListener("scroll", () => soon(paintFlame));
byId("zoom-out").addEventListener("click", () => zoomTo(0));
