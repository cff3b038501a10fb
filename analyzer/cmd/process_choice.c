/* SPDX-License-Identifier: MIT */
/* The options --process and --program. Analyzer. */
#include "analyzer/cmd/process_choice.h"

#include "analyzer/cmd/cmd.h"

bool ht_process_choice_add(struct ht_process_choice *choice, const char *text, bool is_program)
{
	if (choice->n_items == HT_PROCESS_CHOICE_MAX)
		return false;
	choice->items[choice->n_items].text = text;
	choice->items[choice->n_items++].is_program = is_program;
	return true;
}

bool ht_process_choice_find(const struct ht_process_choice *choice,
                            const struct ht_process_list *list,
                            struct ht_process_selection *ret_selection)
{
	*ret_selection = (struct ht_process_selection){ 0 };
	for (size_t i = 0; i < choice->n_items; i++) {
		const char *text = choice->items[i].text;
		size_t n = 0;

		if (choice->items[i].is_program) {
			n = ht_process_selection_add_program(ret_selection, list, text);
		} else if (!ht_process_selection_add_number(ret_selection, list, text, &n)) {
			ht_cmd_complain("--process: \"%s\" is neither a process id nor #SERIAL",
			                text);
			return false;
		}
		if (n == 0) {
			ht_cmd_complain("no %s %s in this trace; see: heaptide report --by-process",
			                choice->items[i].is_program ? "program" : "process", text);
			return false;
		}
	}
	return true;
}
