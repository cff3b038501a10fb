/* SPDX-License-Identifier: MIT */
/* heaptide report. Analyzer. */
#include "analyzer/cmd/cmd.h"

int ht_cmd_report(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return HT_EXIT_FAILED;
}
