/* SPDX-License-Identifier: MIT */
/* Tells people what was recorded. Analyzer. */
#include "analyzer/cmd/record_summary.h"

#include "analyzer/base/human.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/replay/summary.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static const char *describe_end(char *buf, size_t size, int wait_status)
{
	if (WIFSIGNALED(wait_status)) {
		const char *name = sigabbrev_np(WTERMSIG(wait_status));

		snprintf(buf, size, "was ended by signal %d%s%s%s", WTERMSIG(wait_status),
			 name ? " (SIG" : "", name ? name : "", name ? ")" : "");
	} else {
		snprintf(buf, size, "exited with %d", WEXITSTATUS(wait_status));
	}
	return buf;
}

/* A word for the shell: quoted when it has to be. */
static void print_word(const char *word)
{
	static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789_-+=./,:@%";

	if (*word && word[strspn(word, harmless)] == '\0') {
		fputs(word, stderr);
		return;
	}
	fputc('\'', stderr);
	for (const char *c = word; *c; c++) {
		if (*c == '\'')
			fputs("'\\''", stderr);
		else
			fputc((unsigned char)*c < 32 || *c == 127 ? '?' : *c, stderr);
	}
	fputc('\'', stderr);
}

static void print_losses(const struct ht_recorder_result *r)
{
	char count[HT_HUMAN_BYTES];

	if (r->totals.n_lost)
		ht_cmd_complain("%s events were lost; the numbers are too small by them",
				ht_human_count(count, r->totals.n_lost));
	if (r->n_refused)
		ht_cmd_complain("%s processes were not recorded: too many at once",
				ht_human_count(count, r->n_refused));
	if (r->n_unwanted)
		ht_cmd_complain("%s program%s ran that you did not want recorded (--follow, --only)",
				ht_human_count(count, r->n_unwanted), ht_plural(r->n_unwanted));
	if (r->n_damaged)
		ht_cmd_complain("%s records were damaged: the program wrote into memory that is not its own",
				ht_human_count(count, r->n_damaged));
}

static void print_events(uint64_t n_allocations, uint64_t n_frees, uint64_t n_reallocations)
{
	char a[HT_HUMAN_BYTES];
	char b[HT_HUMAN_BYTES];
	char c[HT_HUMAN_BYTES];

	ht_cmd_complain("%s allocation%s, %s free%s, %s reallocation%s",
			ht_human_count(a, n_allocations), ht_plural(n_allocations),
			ht_human_count(b, n_frees), ht_plural(n_frees),
			ht_human_count(c, n_reallocations), ht_plural(n_reallocations));
}

/* What the recorder counted itself; from a trace that lacks something it is not what is in there. */
static bool take_live(const struct ht_recorder_result *r, struct ht_summary *ret_numbers)
{
	const uint64_t *n = r->totals.n_of_kind;

	if (!r->has_live || r->diag.err != HT_OK)
		return false;
	*ret_numbers = (struct ht_summary){
		.n_allocations = n[HT_EVENT_ALLOC],
		.n_frees = r->live.n_frees,
		.n_reallocations = n[HT_EVENT_REALLOC] + n[HT_EVENT_REALLOC_MOVED],
		.peak_bytes = r->live.peak_bytes,
		.leaked_bytes = r->live.leaked_bytes,
		.leaked_blocks = r->live.n_leaked,
	};
	return true;
}

static void print_numbers(const struct ht_summary *s)
{
	char a[HT_HUMAN_BYTES];
	char b[HT_HUMAN_BYTES];
	char c[HT_HUMAN_BYTES];

	print_events(s->n_allocations, s->n_frees, s->n_reallocations);
	ht_cmd_complain("peak %s, leaked %s in %s block%s", ht_human_bytes(a, s->peak_bytes),
			ht_human_bytes(b, s->leaked_bytes), ht_human_count(c, s->leaked_blocks),
			ht_plural(s->leaked_blocks));
}

void ht_record_summary_print(const struct ht_record_summary *s)
{
	const struct ht_recorder_result *r = s->result;
	const uint64_t *n = r->totals.n_of_kind;
	char end[64];
	char a[HT_HUMAN_BYTES];
	struct ht_summary numbers;

	describe_end(end, sizeof(end), s->wait_status);
	if (r->n_processes > 1)
		ht_cmd_complain("%s %s; %s processes were recorded%s", s->program, end,
				ht_human_count(a, r->n_processes),
				s->was_interrupted ? ", until you ended the recording" : "");
	else
		ht_cmd_complain("%s %s", s->program, end);
	if (r->diag.err != HT_OK)
		ht_cmd_complain("until the trace ended:");
	if (take_live(r, &numbers) ||
	    (s->is_readable && ht_summary_of_trace(s->trace_path, &numbers, NULL) == HT_OK))
		print_numbers(&numbers);
	else
		print_events(n[HT_EVENT_ALLOC], n[HT_EVENT_FREE],
			     n[HT_EVENT_REALLOC] + n[HT_EVENT_REALLOC_MOVED]);
	print_losses(r);
	if (r->are_names_missing && s->is_readable)
		ht_cmd_complain("the trace has no names of functions; heaptide symbolize adds them");
	ht_cmd_complain("trace %s, %s", s->trace_path, ht_human_bytes(a, r->file_bytes));
	if (s->is_readable) {
		fputs("heaptide: next: heaptide report ", stderr);
		print_word(s->trace_path);
		fputc('\n', stderr);
	}
}

void ht_record_summary_print_failure(const struct ht_recorder_result *r, const char *trace_path)
{
	if (r->diag.err == HT_OK)
		return;
	ht_cmd_complain("%s is not complete: %s; what was written before can be read", trace_path,
			r->diag.msg);
}

void ht_record_summary_print_nothing(const char *program, const char *path, int wait_status,
				     uint32_t n_unwanted)
{
	char end[64];

	describe_end(end, sizeof(end), wait_status);
	if (n_unwanted) {
		ht_cmd_complain("%s %s, and nothing was recorded: none of the %u program%s that ran "
				"matches --only", program, end, n_unwanted, ht_plural(n_unwanted));
		return;
	}
	ht_cmd_complain("%s %s, and nothing was recorded: %s never loaded heaptide's library", program,
			end, path);
	ht_cmd_complain("reasons may be: it starts with a cleaned environment, its loader ignores "
			"LD_PRELOAD, or it ended before its libraries were loaded");
}
