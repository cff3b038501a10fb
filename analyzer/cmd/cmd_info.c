/* SPDX-License-Identifier: MIT */
/* heaptide info. Analyzer. */
#include "analyzer/cmd/cmd.h"

int ht_cmd_info(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return HT_EXIT_FAILED;
}
