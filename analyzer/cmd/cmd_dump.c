/* SPDX-License-Identifier: MIT */
/* heaptide dump. Analyzer. */
#include "analyzer/cmd/cmd.h"

int ht_cmd_dump(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return HT_EXIT_FAILED;
}
