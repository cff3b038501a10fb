/* SPDX-License-Identifier: MIT */
/* The keys of the browser in the terminal, and what they do. Analyzer, one thread. */
#include "analyzer/tui/tui.h"

#include "analyzer/report/source_text.h"
#include "analyzer/tui/tui_state.h"

#include <curses.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_POINTS 1000u
#define KEY_ESCAPE 27

static const char ask_search[] = "search: ", ask_window[] = "from and to: ";

enum ht_site_value ht_tui_value(const struct ht_tui_state *s)
{
	return ht_metrics[s->i_metric].value;
}

const struct ht_listed_frame *ht_tui_frame(const struct ht_tui_state *s, const struct ht_item *item)
{
	return item->frame == HT_ITEM_NO_FRAME ? NULL
	                                       : ht_frame_list_get(s->view.list, item->frame);
}

static void say(struct ht_tui_state *s, const char *text)
{
	ht_strbuf_clear(&s->message);
	ht_strbuf_add_str(&s->message, text);
}

static uint32_t chosen(const struct ht_tui_state *s)
{
	return s->line < s->view.tree.n_lines ? s->view.tree.lines[s->line].item : 0;
}

/* Lists again what is to be seen, and chooses an item. */
static void list_at(struct ht_tui_state *s, uint32_t item)
{
	ht_item_tree_list(&s->view.tree);
	s->line = ht_item_tree_line_of(&s->view.tree, item);
}

/* What nearly all paths go through is open at first: one begins where they part. */
static void open_trunk(struct ht_tui_state *s)
{
	struct ht_item_tree *tree = &s->view.tree;
	enum ht_site_value value = ht_tui_value(s);
	uint32_t item = 0;

	while (ht_item_tree_n_children(tree, item) > 0) {
		uint32_t first = tree->children[tree->first[item]];
		uint64_t above = 0;

		for (size_t i = tree->first[item]; i < tree->first[item + 1]; i++)
			above += tree->items[tree->children[i]].total[value];
		if (above == 0 || tree->items[first].total[value] < above - above / 10)
			break;
		tree->items[first].is_open = true;
		item = first;
	}
}

static void show(struct ht_tui_state *s, enum ht_item_view_kind kind)
{
	char *text = kind == HT_ITEMS_REPORT ? s->host->report(s->host->context, s->results) : NULL;

	ht_item_view_done(&s->view);
	ht_item_view_init(&s->view, kind, s->host->model, s->results, s->host->symbolizer, text);
	s->kind = kind;
	/* Peaks of several places at different times are a peak of nothing. */
	if (kind != HT_ITEMS_PLACES && ht_tui_value(s) == HT_VALUE_OWN_PEAK_BYTES)
		s->i_metric = 0;
	ht_item_tree_sort(&s->view.tree, ht_tui_value(s), s->is_by_self);
	if (kind == HT_ITEMS_TREE)
		open_trunk(s);
	ht_item_tree_list(&s->view.tree);
	s->line = s->top = 0;
}

static void sort_again(struct ht_tui_state *s)
{
	uint32_t item = chosen(s);

	ht_item_tree_sort(&s->view.tree, ht_tui_value(s), s->is_by_self);
	list_at(s, item);
}

static void next_metric(struct ht_tui_state *s, bool is_backward)
{
	size_t n = 0;

	while (ht_metrics[n].name)
		n++;
	if (s->kind != HT_ITEMS_PLACES)
		n--; /* own-peak, the last */
	s->i_metric = (s->i_metric + (is_backward ? n - 1 : 1)) % n;
	ht_item_tree_sort(&s->view.tree, ht_tui_value(s), s->is_by_self);
	ht_item_tree_list(&s->view.tree);
	s->line = s->top = 0;
}

static bool matches_search(void *context, const struct ht_item *item)
{
	const struct ht_tui_state *s = context;
	const struct ht_listed_frame *frame = ht_tui_frame(s, item);
	const char *words = ht_strbuf_str(&s->search);

	if (!frame)
		return strcasestr(item->text, words) != NULL;
	return strcasestr(frame->label, words) ||
	       (frame->name.file && strcasestr(frame->name.file, words)) ||
	       (frame->name.module && strcasestr(ht_base_name(frame->name.module), words));
}

static void search(struct ht_tui_state *s, bool is_backward)
{
	if (s->search.n_bytes == 0) {
		say(s, "nothing to search for yet: / begins a search");
		return;
	}
	uint32_t found =
	        ht_item_tree_find(&s->view.tree, chosen(s), is_backward, matches_search, s);

	if (!found) {
		ht_strbuf_clear(&s->message);
		ht_strbuf_addf(&s->message, "not found: %s", ht_strbuf_str(&s->search));
		return;
	}
	list_at(s, found);
}

static bool is_same_function(void *context, const struct ht_item *item)
{
	const struct ht_tui_state *s = context;
	const struct ht_listed_frame *frame = ht_tui_frame(s, item);

	return frame && strcmp(frame->label, ht_strbuf_str(&s->typed)) == 0;
}

/* The chosen function in the tree of calls. */
static void show_calls(struct ht_tui_state *s)
{
	const struct ht_listed_frame *frame =
	        chosen(s) ? ht_tui_frame(s, &s->view.tree.items[chosen(s)]) : NULL;

	if (!frame || s->kind == HT_ITEMS_FILES || s->kind == HT_ITEMS_MODULES) {
		say(s, "no function is chosen");
		return;
	}
	ht_strbuf_clear(&s->typed);
	ht_strbuf_add_str(&s->typed, frame->label);
	show(s, HT_ITEMS_TREE);
	uint32_t found = ht_item_tree_find(&s->view.tree, 0, false, is_same_function, s);

	if (found) {
		ht_item_tree_set_open(&s->view.tree, found, true, false);
		list_at(s, found);
	} else {
		say(s, "it has nothing of this number");
	}
}

static void set_window(struct ht_tui_state *s, struct ht_tui_window window)
{
	uint64_t end_ns = s->timeline.end_ns;

	if (window.to_ns > end_ns)
		window.to_ns = end_ns;
	if (window.is_part && window.from_ns >= window.to_ns) {
		say(s, "this window ends before it begins");
		return;
	}
	s->window = window;
	s->results = s->host->results(s->host->context, &window);
	show(s, s->kind);
}

static void read_window(struct ht_tui_state *s)
{
	char *text = ht_strbuf_take(&s->typed), *rest = NULL;
	char *from = text ? strtok_r(text, " ", &rest) : NULL;
	char *to = from ? strtok_r(NULL, " ", &rest) : NULL;
	struct ht_tui_window window = { .is_part = true };

	if (!from)
		set_window(s, (struct ht_tui_window){ 0 });
	else if (!s->host->time(s->host->context, from, &window.from_ns) ||
	         !s->host->time(s->host->context, to ? to : "end", &window.to_ns))
		say(s, "not understood: write two times like 1.5s 200ms, 20% 40%, 0 peak, or "
		       "mark:LABEL end");
	else
		set_window(s, window);
	free(text);
}

static void move_window(struct ht_tui_state *s, int key)
{
	struct ht_tui_window w = s->window;
	uint64_t end_ns = s->timeline.end_ns, length;

	if (!w.is_part && (key == '[' || key == ']' || key == '-')) {
		say(s, "all of the time is shown: w or + makes a window");
		return;
	}
	if (!w.is_part)
		w = (struct ht_tui_window){ true, 0, end_ns };
	length = w.to_ns - w.from_ns;
	switch (key) {
	case '[': w.from_ns = w.from_ns > length ? w.from_ns - length : 0; break;
	case ']': w.from_ns = w.to_ns + length <= end_ns ? w.to_ns : end_ns - length; break;
	case '+':
		w.from_ns += length / 4;
		length = length / 2 ? length / 2 : 1;
		break;
	case '-':
		w.from_ns = w.from_ns > length / 2 ? w.from_ns - length / 2 : 0;
		length *= 2;
		break;
	}
	w.to_ns = w.from_ns + length;
	if (w.from_ns == 0 && w.to_ns >= end_ns)
		w.is_part = false;
	set_window(s, w);
}

static void run_editor(const char *path, uint32_t line)
{
	const char *editor = getenv("VISUAL");
	struct sigaction ignore = { .sa_handler = SIG_IGN }, saved_int, saved_quit;
	char number[16];

	if (!editor || !*editor)
		editor = getenv("EDITOR");
	if (!editor || !*editor)
		editor = "vi";
	snprintf(number, sizeof(number), "+%u", line);
	/* $EDITOR may be words: a shell takes them apart, but not what is behind them. */
	char *command = NULL;

	if (asprintf(&command, "%s \"$@\"", editor) < 0)
		return;
	def_prog_mode();
	endwin();
	sigaction(SIGINT, &ignore, &saved_int);
	sigaction(SIGQUIT, &ignore, &saved_quit);

	pid_t pid = fork();

	if (pid == 0) {
		sigaction(SIGINT, &saved_int, NULL);
		sigaction(SIGQUIT, &saved_quit, NULL);
		execl("/bin/sh", "sh", "-c", command, "sh", number, path, (char *)NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0)
		;
	sigaction(SIGINT, &saved_int, NULL);
	sigaction(SIGQUIT, &saved_quit, NULL);
	free(command);
	reset_prog_mode();
	clearok(stdscr, TRUE);
}

static void open_editor(struct ht_tui_state *s)
{
	uint32_t item = chosen(s);
	const struct ht_listed_frame *frame =
	        item ? ht_tui_frame(s, &s->view.tree.items[item]) : NULL;
	const char *cwd = s->host->model->recording.working_directory;

	if (!frame || !frame->name.file || !frame->name.line) {
		say(s, "no source line is known here; try a line of the tree or of a place");
		return;
	}

	struct ht_source_text source = ht_source_text_open(
	        frame->name.file, s->host->source_directory, cwd && cwd[0] ? cwd : NULL);

	if (source.path) {
		run_editor(source.path, frame->name.line);
	} else {
		ht_strbuf_clear(&s->message);
		ht_strbuf_addf(&s->message, "no file %s here; --source DIR says where to look",
		               frame->name.file);
	}
	ht_source_text_done(&source);
}

/* The line of the sibling before or after the chosen one. */
static void go_to_sibling(struct ht_tui_state *s, int step)
{
	struct ht_item_tree *tree = &s->view.tree;
	uint32_t item = chosen(s), parent = item ? tree->items[item].parent : 0;

	for (size_t i = tree->first[parent]; item && i < tree->first[parent + 1]; i++) {
		if (tree->children[i] != item)
			continue;
		if ((step < 0 && i > tree->first[parent]) ||
		    (step > 0 && i + 1 < tree->first[parent + 1]))
			list_at(s, tree->children[step < 0 ? i - 1 : i + 1]);
		return;
	}
}

static void go_down_largest(struct ht_tui_state *s)
{
	struct ht_item_tree *tree = &s->view.tree;
	uint32_t item = chosen(s);

	while (item && ht_item_tree_n_children(tree, item) > 0) {
		tree->items[item].is_open = true;
		item = tree->children[tree->first[item]];
		if (!tree->items[item].total)
			break;
	}
	list_at(s, item);
}

static void set_open(struct ht_tui_state *s, bool is_open, bool is_deep)
{
	uint32_t item = chosen(s);

	if (!item)
		return;
	ht_item_tree_set_open(&s->view.tree, item, is_open, is_deep);
	list_at(s, item);
}

static void set_all_open(struct ht_tui_state *s, bool is_open)
{
	uint32_t item = chosen(s);

	ht_item_tree_set_open(&s->view.tree, 0, is_open, true);
	s->view.tree.items[0].is_open = true;
	list_at(s, item);
}

static void go_to_parent(struct ht_tui_state *s)
{
	uint32_t item = chosen(s), parent = item ? s->view.tree.items[item].parent : 0;

	if (parent)
		s->line = ht_item_tree_line_of(&s->view.tree, parent);
}

static void go_left(struct ht_tui_state *s)
{
	uint32_t item = chosen(s);

	if (item && s->view.tree.items[item].is_open &&
	    ht_item_tree_n_children(&s->view.tree, item) > 0)
		set_open(s, false, false);
	else
		go_to_parent(s);
}

static void go_by(struct ht_tui_state *s, bool is_down, size_t n)
{
	size_t last = s->view.tree.n_lines ? s->view.tree.n_lines - 1 : 0;

	if (is_down)
		s->line = last - s->line < n ? last : s->line + n;
	else
		s->line = s->line < n ? 0 : s->line - n;
}

static void ask(struct ht_tui_state *s, const char *prompt)
{
	s->prompt = prompt;
	ht_strbuf_clear(&s->typed);
}

/* A key while something is being typed. */
static void type(struct ht_tui_state *s, int key)
{
	const char *prompt = s->prompt;

	if (key == KEY_ESCAPE) {
		s->prompt = NULL;
	} else if (key == KEY_BACKSPACE || key == 127 || key == 8) {
		if (s->typed.n_bytes)
			s->typed.text[--s->typed.n_bytes] = '\0';
	} else if (key == '\n' || key == KEY_ENTER) {
		s->prompt = NULL;
		if (prompt == ask_window) {
			read_window(s);
			return;
		}
		if (s->typed.n_bytes) {
			ht_strbuf_clear(&s->search);
			ht_strbuf_add_str(&s->search, ht_strbuf_str(&s->typed));
		}
		search(s, false);
	} else if (key >= ' ' && key < 256) {
		ht_strbuf_add_char(&s->typed, (char)key);
	}
}

/* False: leave. */
static bool press(struct ht_tui_state *s, int key)
{
	size_t page = s->n_rows > 1 ? s->n_rows - 1 : 1;

	switch (key) {
	case 'q': return false;
	case KEY_UP:
	case 'k': go_by(s, false, 1); break;
	case KEY_DOWN:
	case 'j': go_by(s, true, 1); break;
	case KEY_PPAGE: go_by(s, false, page); break;
	case KEY_NPAGE:
	case ' ': go_by(s, true, page); break;
	case KEY_HOME: s->line = 0; break;
	case KEY_END: go_by(s, true, SIZE_MAX); break;
	case '\n':
	case KEY_ENTER:
		if (chosen(s))
			set_open(s, !s->view.tree.items[chosen(s)].is_open, false);
		break;
	case KEY_RIGHT: set_open(s, true, false); break;
	case KEY_LEFT: go_left(s); break;
	case 'e': set_open(s, true, true); break;
	case 'c': set_open(s, false, true); break;
	case 'E': set_all_open(s, true); break;
	case 'C': set_all_open(s, false); break;
	case 'u': go_to_parent(s); break;
	case 'p': go_to_sibling(s, -1); break;
	case 'n': go_to_sibling(s, 1); break;
	case 'l': go_down_largest(s); break;
	case 'G': show(s, HT_ITEMS_TREE); break;
	case 'i': show(s, HT_ITEMS_INVERTED); break;
	case 'f': show(s, HT_ITEMS_FUNCTIONS); break;
	case 'R':
	case 'I': show(s, HT_ITEMS_REPORT); break;
	case '\t': show(s, (enum ht_item_view_kind)((s->kind + 1) % HT_N_ITEM_VIEWS)); break;
	case 'm': next_metric(s, false); break;
	case 'M': next_metric(s, true); break;
	case 's':
		s->is_by_self = !s->is_by_self;
		sort_again(s);
		break;
	case 'g': show_calls(s); break;
	case '/': ask(s, ask_search); break;
	case 'N':
	case '>': search(s, false); break;
	case 'P':
	case '<': search(s, true); break;
	case 'w': ask(s, ask_window); break;
	case '[':
	case ']':
	case '+':
	case '-': move_window(s, key); break;
	case '*': set_window(s, (struct ht_tui_window){ 0 }); break;
	case 'o':
	case 'O': open_editor(s); break;
	case 'h':
	case '?': s->has_help = true; break;
	default:
		if (key >= '1' && key < '1' + HT_N_ITEM_VIEWS)
			show(s, (enum ht_item_view_kind)(key - '1'));
		break;
	}
	return true;
}

bool ht_tui_run(const struct ht_tui_host *host)
{
	SCREEN *screen = newterm(NULL, stdout, stdin);
	struct ht_tui_state s = { .host = host };

	if (!screen)
		return false;
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	set_escdelay(25);
	ht_tui_draw_init(host);
	s.timeline = ht_timeline_new(host->whole, &host->model->clock, MAX_POINTS);
	s.results = host->whole;
	if (host->window.is_part)
		set_window(&s, host->window);
	if (!s.view.tree.n_items)
		show(&s, HT_ITEMS_TREE);
	for (;;) {
		ht_tui_draw(&s);

		int key = getch();

		if (key == ERR)
			break; /* the terminal is gone */
		if (key == KEY_RESIZE)
			continue;
		ht_strbuf_clear(&s.message);
		if (s.has_help)
			s.has_help = false;
		else if (s.prompt)
			type(&s, key);
		else if (!press(&s, key))
			break;
	}
	endwin();
	delscreen(screen);
	ht_item_view_done(&s.view);
	ht_timeline_done(&s.timeline);
	ht_strbuf_done(&s.search);
	ht_strbuf_done(&s.message);
	ht_strbuf_done(&s.typed);
	return true;
}
